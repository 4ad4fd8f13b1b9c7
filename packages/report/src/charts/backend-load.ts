import type { BackendEvent } from '@routesim/core'
import type { Chart } from '../chart/chart.js'
import { highest } from '../chart/extremes.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'
import { eventMarks } from './event-marks.js'
import { backendsOverTime } from './over-time.js'

/** What is known of backends over time from the times of their requests. */
export type LoadKind = 'waiting' | 'running' | 'token_hit_rate'

/** In the order in which they are shown. */
export const LOAD_KINDS: readonly LoadKind[] = ['waiting', 'running', 'token_hit_rate']

const TITLES: Readonly<Record<LoadKind, string>> = {
  waiting: 'Waiting requests',
  running: 'Running requests',
  token_hit_rate: 'Cached share of prompt tokens',
}

/**
 * One number of every backend over time; undefined when the result has no details.
 * @param most - value of the strongest colour: that of several results makes them comparable
 */
export function backendLoad(
  reported: ReportedResult,
  kind: LoadKind,
  id: string,
  most: number = highestLoad([reported], kind),
  events: readonly BackendEvent[] = [],
): Chart | undefined {
  const { detail } = reported
  if (detail === undefined) return undefined
  const { backends, interval_ms: intervalMs, from_ms: originMs } = detail.load
  return backendsOverTime({
    id,
    title: TITLES[kind],
    label: labelOf(reported),
    unit: kind === 'token_hit_rate' ? 'share' : 'number',
    most,
    // From the start of the measured part.
    fromMs: (backends[0]?.waiting ?? []).map((_, i) => i * intervalMs),
    intervalMs,
    marks: eventMarks(events, originMs),
    backends: backends.map((backend) => ({ id: backend.id, values: backend[kind] })),
  })
}

/** The highest value of any backend of some results; 1 for shares. */
export function highestLoad(results: readonly ReportedResult[], kind: LoadKind): number {
  if (kind === 'token_hit_rate') return 1
  const peaks = results.flatMap(({ detail }) =>
    (detail?.load.backends ?? []).map((backend) => highest(backend[kind]) ?? 0),
  )
  return peaks.reduce((most, peak) => Math.max(most, peak), 1)
}
