import type { BackendTotals, RunResult } from '@routesim/core'
import { LogHistogram } from '../histogram/log-histogram.js'
import { composeSummary, type SummaryOptions } from '../summary/compose-summary.js'
import { measureRequests } from '../summary/measured-requests.js'
import type { RunSummary } from '../summary/run-summary.js'
import type { WindowRecorder } from './window-recorder.js'

/**
 * What a run would have been said to be, had each of its windows in turn not been measured. Requests belong to
 * the window that their row is in; gaps between tokens and the work of backends to the one in whose time they
 * are. What a router or lower tiers of the KV cache tell of a whole run only is absent.
 *
 * @param recorder - of the run
 * @param windowStarts - as the run had them
 * @returns by window
 * @throws RouteSimError `prices_invalid`, `slo_invalid`
 */
export function summarizeWithoutEach(
  result: RunResult,
  recorder: WindowRecorder,
  windowStarts: readonly number[],
  options: SummaryOptions,
): RunSummary[] {
  const { measuredFromMs, endMs, warmupRequests, requests } = result
  const start = { atMs: measuredFromMs, backends: result.backends.map(nothingYet) }
  const end = { atMs: endMs, backends: result.backends }
  const borders = [start, ...windowStarts.map((_, i) => recorder.borders[i] ?? end), end]
  const rows = [warmupRequests, ...windowStarts, requests.size]
  return rows.slice(1).map((toRow, i) => {
    const [from, to] = [borders[i]!, borders[i + 1]!]
    const rest = withoutRows(result, rows[i]!, toRow)
    const backends = result.backends.map((whole, id) =>
      withoutWork(whole, from.backends[id]!, to.backends[id]!),
    )
    const gaps = new LogHistogram()
    for (const [j, own] of recorder.windowGaps.entries()) if (j !== i) gaps.merge(own)
    return composeSummary(
      { ...rest, backends, customMetrics: {} },
      () => measureRequests(rest, gaps, options),
      options,
      [
        [measuredFromMs, from.atMs],
        [to.atMs, endMs],
      ],
    )
  })
}

/** What a backend adds up while it works. */
const SUMS = [
  'busyMs',
  'steps',
  'prefillTokens',
  'decodeTokens',
  'evictions',
  'preemptions',
  'waitingRequestMs',
  'runningRequestMs',
] as const

function nothingYet(backend: BackendTotals): BackendTotals {
  return { ...backend, ...Object.fromEntries(SUMS.map((field) => [field, 0])) }
}

function withoutWork(
  { tiers: _tiers, adapterLoads: _loads, ...whole }: BackendTotals,
  from: BackendTotals,
  to: BackendTotals,
): BackendTotals {
  const sums = SUMS.map((field) => [field, whole[field] - (to[field] - from[field])])
  return { ...whole, ...Object.fromEntries(sums) }
}

/** The run as if it had not had some rows, which are not of its warm-up. */
function withoutRows(result: RunResult, from: number, to: number): RunResult {
  const { requests, outcomes, sentMs } = result
  const { size } = requests
  const rest = <Columns extends object>(columns: Columns): Columns =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) =>
        isColumn(column, size) ? [name, columnWithout(column, from, to)] : [name, column],
      ),
    ) as Columns
  const left = size - (to - from)
  return {
    ...result,
    requestCount: left,
    requests: { ...rest(requests), size: left },
    outcomes: rest(outcomes),
    sentMs: columnWithout(sentMs, from, to) as Float64Array,
  }
}

type Column = Float64Array | Int32Array | Uint8Array

function isColumn(value: unknown, size: number): value is Column {
  return ArrayBuffer.isView(value) && (value as Column).length === size
}

function columnWithout(column: Column, from: number, to: number): Column {
  const left = column.slice(0, column.length - (to - from))
  left.set(column.subarray(to), from)
  return left
}
