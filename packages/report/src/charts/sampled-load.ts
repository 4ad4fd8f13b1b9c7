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

/**
 * A share of every backend over time: means of a few looks each, and over the seeds. A long run looks half as often,
 * or a quarter and so on, so stretches are as long as the widest interval, and a look weighs as much as its time.
 */
export function sampledLoad(
  samples: readonly SampledLoad[],
  kind: SampledKind,
  label: string,
  id: string,
  events: readonly BackendEvent[] = [],
): Chart {
  const looks = [...samples].sort((a, b) => a.time_ms - b.time_ms)
  const endMs = looks.at(-1)?.time_ms ?? 0
  const wideMs = widestInterval(looks)
  const intervalMs = wideMs * Math.max(1, Math.ceil(endMs / wideMs / MOST_INTERVALS - ROUNDING))
  const stretches = Math.max(1, Math.ceil(endMs / intervalMs - ROUNDING))
  const rows = new Map<number, Mean[]>()
  const lastMs = new Map<string, number>()
  for (const { seed, time_ms, backend, [kind]: value } of looks) {
    let row = rows.get(backend)
    if (row === undefined) {
      row = Array.from({ length: stretches }, () => ({ sum: 0, timeMs: 0 }))
      rows.set(backend, row)
    }
    const own = `${seed} ${backend}`
    // A look tells of the time before it; only the last may come early.
    const timeMs = time_ms - (lastMs.get(own) ?? 0)
    lastMs.set(own, time_ms)
    if (value === null) continue
    const mean = row[Math.max(0, Math.ceil(time_ms / intervalMs - ROUNDING) - 1)]!
    mean.sum += value * timeMs
    mean.timeMs += timeMs
  }
  return backendsOverTime({
    id,
    title: TITLES[kind],
    label,
    unit: 'share',
    most: 1,
    fromMs: Array.from({ length: stretches }, (_, i) => i * intervalMs),
    intervalMs,
    foundEveryMs: kind === 'utilization' ? undefined : wideMs,
    marks: eventMarks(events, 0),
    backends: [...rows]
      .sort(([a], [b]) => a - b)
      .map(([backend, row]) => ({
        id: backend,
        values: row.map(({ sum, timeMs }) => (timeMs === 0 ? null : sum / timeMs)),
        weights: row.map(({ timeMs }) => timeMs),
      })),
  })
}

/** Times of looks are sums of intervals. */
const ROUNDING = 1e-9

/** Of the run that looks least often. @param looks - in order of time */
function widestInterval(looks: readonly SampledLoad[]): number {
  const first = new Map<number | undefined, number>()
  for (const { seed, time_ms } of looks) if (!first.has(seed)) first.set(seed, time_ms)
  return Math.max(...first.values(), 0) || 1
}

interface Mean {
  sum: number
  timeMs: number
}
