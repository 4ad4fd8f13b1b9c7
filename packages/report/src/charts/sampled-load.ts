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

/** More looks than this are thinned out. */
const MOST_INTERVALS = 120

/** A share of every backend over time, from samples taken at equal intervals. */
export function sampledLoad(
  samples: readonly SampledLoad[],
  kind: SampledKind,
  label: string,
  id: string,
  events: readonly BackendEvent[] = [],
): Chart {
  const all = [...new Set(samples.map(({ time_ms }) => time_ms))].sort((a, b) => a - b)
  const every = Math.max(1, Math.ceil(all.length / MOST_INTERVALS))
  const times = all.filter((_, i) => i % every === 0)
  const column = new Map(times.map((time, i) => [time, i]))
  const rows = new Map<number, (number | null)[]>()
  for (const sample of samples) {
    const at = column.get(sample.time_ms)
    if (at === undefined) continue
    let row = rows.get(sample.backend)
    if (row === undefined) {
      row = times.map(() => null)
      rows.set(sample.backend, row)
    }
    row[at] = sample[kind]
  }
  return backendsOverTime({
    id,
    title: TITLES[kind],
    label,
    unit: 'share',
    most: 1,
    fromMs: times,
    intervalMs: times.length > 1 ? times[1]! - times[0]! : 0,
    marks: eventMarks(events, 0),
    backends: [...rows]
      .sort(([a], [b]) => a - b)
      .map(([backend, values]) => ({ id: backend, values })),
  })
}
