import { existsSync } from 'node:fs'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { mergeRecords } from './merge-results.js'
import { ResultLog, type ResultRecord, readResultLog } from './result-log.js'

/** A result log that runs are appended to, and what stands in it already. */
export interface OpenedLog {
  /** Runs by key. */
  readonly known: ReadonlyMap<string, ResultRecord>
  readonly tornLines: number
  /** Absent when no log is kept. */
  readonly log: ResultLog | undefined
}

/**
 * Opens a result log, or makes it.
 * @throws RouteSimError `log_exists` when it exists and is not to be resumed, `log_unreadable`, `log_failed`
 */
export async function openLog(
  path: string | undefined,
  resume: boolean | undefined,
): Promise<OpenedLog> {
  if (path === undefined) return { known: new Map(), tornLines: 0, log: undefined }
  const exists = existsSync(path)
  if (exists && resume !== true) {
    throw new RouteSimError<ExperimentsErrorCode>(`${path}: exists already`, {
      code: 'log_exists',
      path,
      hint: 'With --resume, only what is missing in it is done; or name another file.',
    })
  }
  const content = exists ? await readResultLog(path) : { records: [], tornLines: 0 }
  const known = new Map(mergeRecords([content]).map((record) => [record.key, record]))
  return { known, tornLines: content.tornLines, log: new ResultLog(path) }
}
