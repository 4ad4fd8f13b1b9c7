import { mkdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { aiperfProfile, isOneSweep, type ResultRecord } from '@routesim/experiments'
import { UsageError } from '../usage-error.js'
import { flatCsv, flatten } from './flat-csv.js'
import { writeParquet } from './write-parquet.js'
import { outputFailed, writeText } from './write-results.js'

/** What result logs can be exported as. */
export const RESULT_FORMATS = ['json', 'csv', 'parquet', 'aiperf'] as const
/** One of {@link RESULT_FORMATS}. */
export type ResultFormat = (typeof RESULT_FORMATS)[number]

/**
 * Writes the finished runs of a sweep, one row each; as `aiperf`, a directory with the artifacts of one
 * run in each of its directories, which bear the numbers of the runs in their sweep, or when they are of
 * several sweeps, in the order of the logs.
 *
 * @throws UsageError when the format is neither given nor told by the ending
 */
export async function exportResults(
  records: readonly ResultRecord[],
  output: string,
  to: ResultFormat | undefined,
): Promise<void> {
  const ending = extname(output).slice(1).toLowerCase()
  const format = to ?? RESULT_FORMATS.find((name) => name === ending)
  if (format === undefined) {
    throw new UsageError(`--to: expected one of ${RESULT_FORMATS.join(', ')} for ${output}`)
  }
  if (format === 'aiperf') {
    await writeAiperf(records, output)
    return
  }
  const rows = records.flatMap((record) => {
    if (record.status !== 'ok') return []
    const { run, settings, rate, result } = record
    return [{ run, rate, settings, ...result }]
  })
  if (format === 'json') await writeText(JSON.stringify(rows, undefined, 2), output)
  else if (format === 'csv') await writeText(flatCsv(rows), output)
  else
    await writeParquet(
      rows.map((row) => flatten(row, '')),
      output,
    )
  console.error(`Wrote ${output}`)
}

async function writeAiperf(records: readonly ResultRecord[], directory: string): Promise<void> {
  let written = 0
  const isOne = isOneSweep(records)
  for (const [i, record] of records.entries()) {
    if (record.status !== 'ok') continue
    const { json, csv } = aiperfProfile(record)
    const number = String(isOne ? record.run : i).padStart(6, '0')
    const own = join(directory, `${number}-${record.algorithm}`)
    await mkdir(own, { recursive: true }).catch((cause: unknown) => {
      throw outputFailed(directory, cause)
    })
    await writeText(JSON.stringify(json, undefined, 2), join(own, 'profile_export_aiperf.json'))
    await writeText(csv, join(own, 'profile_export_aiperf.csv'))
    written++
  }
  console.error(`Wrote ${written} runs below ${directory}`)
}
