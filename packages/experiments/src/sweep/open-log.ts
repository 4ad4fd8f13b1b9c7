import { existsSync, statSync } from 'node:fs'
import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { mergeRecords } from './merge-results.js'
import { RESULT_VERSION } from './point-key.js'
import {
  type LogContent,
  ResultLog,
  type ResultPlace,
  type ResultRecord,
  readResultLog,
} from './result-log.js'
import { placeInWords, rowName } from './same-place.js'
import { type Shard, shardName } from './shard.js'

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
 * @param shard - the part of them that is; a log that was begun for another is refused
 * @throws RouteSimError `log_exists` when it exists and is not to be resumed, `log_of_other_runs`,
 * `log_unreadable`, `log_failed`
 */
export async function openLog(
  path: string | undefined,
  resume: boolean | undefined,
  planned: readonly ResultPlace[],
  shard?: Shard,
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
  const content: LogContent = exists ? await readResultLog(path) : { records: [], tornLines: 0 }
  const part = shard && shardName(shard)
  checkSameShard(path, content, part)
  const records = mergeRecords([content])
  checkSameRuns(path, records, planned)
  const known = new Map<string, ResultRecord[]>()
  for (const record of records) {
    const equal = known.get(record.key)
    if (equal === undefined) known.set(record.key, [record])
    else equal.push(record)
  }
  const log = new ResultLog(path)
  if (part !== undefined && content.records.length === 0 && content.shard === undefined)
    log.begin(part)
  return { known, tornLines: content.tornLines, log }
}

/** A part that is taken for another would do what others do, and leave its own undone. */
function checkSameShard(path: string, { shard }: LogContent, part: string | undefined): void {
  if (part === undefined || shard === undefined || shard === part) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${path}: expected the log of part ${part} of the sweep, got that of part ${shard}`,
    { code: 'log_of_other_runs', path, hint: `Go on with --shard ${shard}, or name another file.` },
  )
}

/** Runs of the same row with another key had another trace, config or router: their mean says nothing. */
function checkSameRuns(
  path: string,
  records: readonly ResultRecord[],
  planned: readonly ResultPlace[],
): void {
  const rows = new Map(planned.map((place) => [rowName(place), place.row]))
  const other = records.find(
    (record) =>
      record.version === RESULT_VERSION && (rows.get(rowName(record)) ?? record.row) !== record.row,
  )
  if (other === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${path}: has ${placeInWords(other)} of another trace, config, router or policy file`,
    { code: 'log_of_other_runs', path, hint: 'Name another file, or go on with what that was.' },
  )
}
