import { extname } from 'node:path'
import type { RunSamples } from '@routesim/experiments'
import { toCsv } from '@routesim/metrics'
import { writeText } from './write-results.js'

/**
 * Writes what backends did over time, a line per run, stretch and backend: CSV, or JSON if the name ends
 * so.
 *
 * @throws RouteSimError `output_failed`
 */
export async function writeSamples(runs: readonly RunSamples[], output: string): Promise<void> {
  const rows = runs.flatMap(({ algorithm, seed, rows }) =>
    rows.map((row) => ({ algorithm, seed, ...row })),
  )
  const isJson = extname(output).toLowerCase() === '.json'
  await writeText(isJson ? JSON.stringify(rows, undefined, 2) : toCsv(rows).trimEnd(), output)
  console.error(`Wrote ${output}`)
}
