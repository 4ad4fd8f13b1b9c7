import { existsSync, statSync } from 'node:fs'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { mergeRecords } from './merge-results.js'
import { RESULT_VERSION } from './point-key.js'
import { ResultLog, type ResultPlace, type ResultRecord, readResultLog } from './result-log.js'
import { placeInWords, placeName } from './same-place.js'

/** A result log that runs are appended to, and what stands in it already. */
export interface OpenedLog {
  /** Runs by key. */
  readonly known: ReadonlyMap<string, readonly ResultRecord[]>
  readonly tornLines: number
  /** Absent when no log is kept. */
  readonly log: ResultLog | undefined
}

/**
 * Opens a result log, or makes it.
 * @param planned - the runs that are to be found in it, or added
 * @throws RouteSimError `log_exists` when it exists and is not to be resumed, `log_of_other_runs`,
 * `log_unreadable`, `log_failed`
 */
export async function openLog(
  path: string | undefined,
  resume: boolean | undefined,
  planned: readonly ResultPlace[],
): Promise<OpenedLog> {
  if (path === undefined) return { known: new Map(), tornLines: 0, log: undefined }
  const exists = existsSync(path)
  if (exists && statSync(path).isDirectory()) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `${path}: expected a result log (JSON lines), got a directory`,
      { code: 'log_failed', path, hint: 'Name a file, in that directory or elsewhere.' },
    )
  }
  if (exists && resume !== true) {
    throw new RouteSimError<ExperimentsErrorCode>(`${path}: exists already`, {
      code: 'log_exists',
      path,
      hint: 'With --resume, only what is missing in it is done; or name another file.',
    })
  }
  const content = exists ? await readResultLog(path) : { records: [], tornLines: 0 }
  const records = mergeRecords([content])
  checkSameRuns(path, records, planned)
  const known = new Map<string, ResultRecord[]>()
  for (const record of records) {
    const equal = known.get(record.key)
    if (equal === undefined) known.set(record.key, [record])
    else equal.push(record)
  }
  return { known, tornLines: content.tornLines, log: new ResultLog(path) }
}

/** Runs that stand at the same place with another key had another trace, config or router: two answers in one table. */
function checkSameRuns(
  path: string,
  records: readonly ResultRecord[],
  planned: readonly ResultPlace[],
): void {
  const keys = new Set(planned.map(({ key }) => key))
  const places = new Set(planned.map(placeName))
  const other = records.find(
    (record) =>
      record.version === RESULT_VERSION && !keys.has(record.key) && places.has(placeName(record)),
  )
  if (other === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${path}: has ${placeInWords(other)} of another trace, config, router or policy file`,
    { code: 'log_of_other_runs', path, hint: 'Name another file, or go on with what that was.' },
  )
}
