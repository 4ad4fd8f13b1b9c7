import { RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { type LogContent, type ResultRecord, readResultLog } from './result-log.js'
import { placeInWords, placeName, rowName } from './same-place.js'

/**
 * The runs of several result logs, each once: in the order of their sweep, or when they are of several, those
 * of one log after those of the log before. What was finished goes before what failed, and what comes later
 * before what came earlier.
 */
export function mergeRecords(logs: readonly LogContent[]): ResultRecord[] {
  const merged = new Map<string, { readonly record: ResultRecord; readonly log: number }[]>()
  for (const [log, { records }] of logs.entries()) {
    for (const record of records) {
      const equal = merged.get(record.key) ?? []
      const same = equal.filter((each) => isSameRun(each.record, record))
      if (record.status !== 'ok' && same.some((each) => each.record.status === 'ok')) continue
      merged.set(record.key, [...equal.filter((each) => !same.includes(each)), { record, log }])
    }
  }
  const all = [...merged.values()].flat()
  const isOne = isOneSweep(all.map(({ record }) => record))
  return all
    .sort((a, b) => (isOne ? 0 : a.log - b.log) || a.record.run - b.record.run)
    .map(({ record }) => record)
}

/** Whether runs may be of one sweep, in which each has a position of its own. */
export function isOneSweep(records: readonly ResultRecord[]): boolean {
  const totals = new Set(records.map(({ runs }) => runs))
  return totals.size < 2 && new Set(records.map(({ run }) => run)).size === records.length
}

/** Of two with equal results: one run, unless they stand at two places of one sweep. */
function isSameRun(a: ResultRecord, b: ResultRecord): boolean {
  return a.runs !== b.runs || a.run === b.run || placeName(a) === placeName(b)
}

/** What stands in several result logs. */
export interface MergedLogs {
  readonly records: readonly ResultRecord[]
  readonly tornLines: number
  /** Runs that are there more than once with different figures, which equal runs can not have; the latest are taken. */
  readonly contradictions: number
}

/**
 * Reads and merges result logs.
 * @throws RouteSimError `log_unreadable`; `log_of_other_runs` when two are of other traffic or another config
 */
export async function mergeResultLogs(paths: readonly string[]): Promise<MergedLogs> {
  const logs = await Promise.all(paths.map(readResultLog))
  const replaced = replacedRuns(paths, logs)
  const kept = logs.map((log) => ({
    ...log,
    records: log.records.filter((record) => !replaced.has(nameOf(record))),
  }))
  checkRows(paths, kept)
  const records = mergeRecords(kept)
  const tornLines = logs.reduce((sum, log) => sum + log.tornLines, 0)
  return { records, tornLines, contradictions: contradictionsIn(kept) }
}

/** @throws RouteSimError `log_of_other_runs` for finished runs of one version that differ in more than their seed */
function checkRows(paths: readonly string[], logs: readonly LogContent[]): void {
  const known = new Map<string, { readonly row: string; readonly path: string }>()
  for (const [i, { records }] of logs.entries()) {
    const path = paths[i]!
    for (const record of records) {
      if (record.status !== 'ok') continue
      const name = `${record.version} ${rowName(record)}`
      const before = known.get(name)
      if (before === undefined) known.set(name, { row: record.row, path })
      else if (before.row !== record.row) throw otherRuns(path, record, before.path)
    }
  }
}

/** Runs that are there more than once, with other figures each time. */
function contradictionsIn(logs: readonly LogContent[]): number {
  const results = new Map<string, Set<string>>()
  for (const record of logs.flatMap(({ records }) => records)) {
    if (record.status !== 'ok') continue
    const of = results.get(nameOf(record)) ?? new Set()
    results.set(nameOf(record), of.add(JSON.stringify(record.result)))
  }
  return [...results.values()].filter(({ size }) => size > 1).length
}

/**
 * Runs at whose place a later one stands that simulates something else: with another version of RouteSim,
 * or because the first had failed.
 * @throws RouteSimError `log_of_other_runs` for two of one version that were finished: neither may hide the other
 */
function replacedRuns(paths: readonly string[], logs: readonly LogContent[]): ReadonlySet<string> {
  const known = new Map<string, { readonly record: ResultRecord; readonly path: string }>()
  const replaced = new Set<string>()
  for (const [i, { records }] of logs.entries()) {
    const path = paths[i]!
    for (const record of records) {
      const place = placeName(record)
      const before = known.get(place)
      const isOther = before !== undefined && before.record.key !== record.key
      if (before?.record.status === 'ok' && record.status === 'failed') {
        if (isOther) replaced.add(nameOf(record))
        continue
      }
      if (isOther) {
        const { status, version } = before.record
        if (status === 'ok' && version === record.version)
          throw otherRuns(path, record, before.path)
        replaced.add(nameOf(before.record))
      }
      replaced.delete(nameOf(record))
      known.set(place, { record, path })
    }
  }
  return replaced
}

function nameOf(record: ResultRecord): string {
  return `${record.key} ${placeName(record)}`
}

function otherRuns(
  path: string,
  record: ResultRecord,
  before: string,
): RouteSimError<ExperimentsErrorCode> {
  const what = 'of another trace, config, router or policy file'
  const than = path === before ? 'a line before it' : before
  return new RouteSimError(`${path}: has ${placeInWords(record)} ${what} than ${than}`, {
    code: 'log_of_other_runs',
    path,
    hint: 'Show, merge or export the logs of one sweep at a time.',
  })
}
