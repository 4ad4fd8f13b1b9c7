import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { type LogContent, type ResultRecord, readResultLog } from './result-log.js'
import { placeInWords, placeName } from './same-place.js'

/**
 * The runs of several result logs as one sweep: in its order, each once. What was finished goes before
 * what failed, and what comes later before what came earlier.
 */
export function mergeRecords(logs: readonly LogContent[]): ResultRecord[] {
  const merged = new Map<string, ResultRecord>()
  for (const record of logs.flatMap(({ records }) => records)) {
    const known = merged.get(record.key)
    if (known?.status !== 'ok' || record.status === 'ok') merged.set(record.key, record)
  }
  return [...merged.values()].sort((a, b) => a.run - b.run || (a.key < b.key ? -1 : 1))
}

/**
 * Reads and merges result logs.
 * @throws RouteSimError `log_unreadable`; `log_of_other_runs` when two are of other traffic or another config
 */
export async function mergeResultLogs(
  paths: readonly string[],
): Promise<{ readonly records: readonly ResultRecord[]; readonly tornLines: number }> {
  const logs = await Promise.all(paths.map(readResultLog))
  checkOneSweep(paths, logs)
  const tornLines = logs.reduce((sum, log) => sum + log.tornLines, 0)
  return { records: mergeRecords(logs), tornLines }
}

/** Of two runs that differ in what they simulate, a table has room for one: neither may hide the other. */
function checkOneSweep(paths: readonly string[], logs: readonly LogContent[]): void {
  const known = new Map<string, { readonly key: string; readonly path: string }>()
  for (const [i, { records }] of logs.entries()) {
    const path = paths[i]!
    for (const record of records) {
      if (record.status === 'failed') continue
      const place = placeName(record)
      const before = known.get(place)
      if (before !== undefined && before.key !== record.key)
        throw otherRuns(path, record, before.path)
      known.set(place, { key: record.key, path })
    }
  }
}

function otherRuns(
  path: string,
  record: ResultRecord,
  before: string,
): RouteSimError<ExperimentsErrorCode> {
  const what = 'of another trace, config, router, policy file or version'
  const than = path === before ? 'a line before it' : before
  return new RouteSimError(`${path}: has ${placeInWords(record)} ${what} than ${than}`, {
    code: 'log_of_other_runs',
    path,
    hint: 'Show, merge or export the logs of one sweep at a time.',
  })
}
