import type { BackendEvent } from '@routesim/core'
import type { Chart } from '../chart/chart.js'
import type { SampledLoad } from '../results/sampled-load.js'
import { eventMarks } from './event-marks.js'
import { backendsOverTime } from './over-time.js'

/** What is sampled of backends while a run goes on, as a share. */
export type SampledKind = 'kv_held' | 'kv_cached' | 'utilization'

/** In the order in which they are shown. */
export const SAMPLED_KINDS: readonly SampledKind[] = ['kv_held', 'kv_cached', 'utilization']

const TITLES: Readonly<Record<SampledKind, string>> = {
  kv_held: 'KV blocks in use',
  kv_cached: 'KV blocks kept for reuse',
  utilization: 'Busy share of the time',
}

/** More looks than this are put together. */
const MOST_INTERVALS = 120

/** A share of every backend over time, from samples taken at equal intervals: means of a few of them each. */
export function sampledLoad(
  samples: readonly SampledLoad[],
  kind: SampledKind,
  label: string,
  id: string,
  events: readonly BackendEvent[] = [],
): Chart {
  const times = [...new Set(samples.map(({ time_ms }) => time_ms))].sort((a, b) => a - b)
  const every = Math.max(1, Math.ceil(times.length / MOST_INTERVALS))
  const stretches = Math.ceil(times.length / every)
  const stretchOf = new Map(times.map((time, i) => [time, Math.floor(i / every)]))
  const rows = new Map<number, Mean[]>()
  for (const { time_ms, backend, [kind]: value } of samples) {
    let row = rows.get(backend)
    if (row === undefined) {
      row = Array.from({ length: stretches }, () => ({ sum: 0, count: 0 }))
      rows.set(backend, row)
    }
    const mean = row[stretchOf.get(time_ms)!]!
    if (value === null) continue
    mean.sum += value
    mean.count++
  }
  // A look tells of the time before it; only the last may come early.
  const intervalMs = every * (times[0] ?? 0)
  return backendsOverTime({
    id,
    title: TITLES[kind],
    label,
    unit: 'share',
    most: 1,
    fromMs: Array.from({ length: stretches }, (_, i) => i * intervalMs),
    intervalMs,
    marks: eventMarks(events, 0),
    backends: [...rows]
      .sort(([a], [b]) => a - b)
      .map(([backend, row]) => ({
        id: backend,
        values: row.map(({ sum, count }) => (count === 0 ? null : sum / count)),
      })),
  })
}

interface Mean {
  sum: number
  count: number
}
