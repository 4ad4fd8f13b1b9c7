import type { RandomStream } from '@routesim/core'

/** How a load generator spreads the requests of a stage over its time. */
export type ArrivalProcess = 'constant' | 'poisson'

/**
 * Times in ms at which inference-perf sends the requests of a stage: floor(rate x duration) of them.
 * Its `constant` draws exponential gaps and scales them to the duration; its `poisson` draws the count
 * of each second and spreads it in the same way (kubernetes-sigs/inference-perf, load_timer.py).
 */
export function inferencePerfArrivals(
  process: ArrivalProcess,
  rateRps: number,
  durationSec: number,
  random: RandomStream,
): number[] {
  const count = Math.floor(rateRps * durationSec)
  if (process === 'constant') return scaledGaps(0, count, durationSec * 1000, random)
  const times: number[] = []
  for (let secondMs = 0; times.length < count; secondMs += 1000) {
    times.push(...scaledGaps(secondMs, poisson(rateRps, random), 1000, random))
  }
  return times.slice(0, count)
}

/** So many times after a start, the last of them at the end of the duration. */
function scaledGaps(
  startMs: number,
  count: number,
  durationMs: number,
  random: RandomStream,
): number[] {
  const ends: number[] = []
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += random.exponential(1)
    ends.push(sum)
  }
  return ends.map((end) => startMs + (durationMs * end) / sum)
}

/** A draw from the Poisson distribution: exponential gaps that fit into one unit of time. */
function poisson(mean: number, random: RandomStream): number {
  let count = -1
  for (let time = 0; time <= mean; time += random.exponential(1)) count++
  return count
}
