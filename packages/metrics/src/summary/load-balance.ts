import type { BackendTotals } from '@routesim/core'
import { extentOf } from '../statistics/extent.js'
import { coefficientOfVariation, jainsIndex } from '../statistics/fairness.js'
import { orNull } from '../statistics/or-null.js'

/** How evenly the router spread the measured requests. */
export interface LoadBalance {
  readonly jainsIndex: number | null
  readonly coefficientOfVariation: number | null
  readonly maxMinQueueRatio: number | null
}

/**
 * Compares backends with those of the same role that serve the same model: how much traffic each of these
 * has is not for the router to say.
 * @param requests - measured requests sent to each backend
 */
export function loadBalance(
  backends: readonly BackendTotals[],
  requests: readonly number[],
): LoadBalance {
  const pools = poolsOf(backends)
  const shares = pools.flatMap((pool) => sharesOfPool(pool.map((backend) => requests[backend.id]!)))
  return {
    jainsIndex: orNull(jainsIndex(shares)),
    coefficientOfVariation: orNull(coefficientOfVariation(shares)),
    maxMinQueueRatio: orNull(Math.max(...pools.map(queueRatio))),
  }
}

function poolsOf(backends: readonly BackendTotals[]): BackendTotals[][] {
  const pools = new Map<string, BackendTotals[]>()
  for (const backend of backends) {
    const key = `${backend.role} ${backend.model ?? ''}`
    const pool = pools.get(key)
    if (pool) pool.push(backend)
    else pools.set(key, [backend])
  }
  return [...pools.values()]
}

/** Counts relative to their mean; none for a pool that received nothing, which is not uneven. */
function sharesOfPool(counts: readonly number[]): number[] {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return mean === 0 ? [] : counts.map((count) => count / mean)
}

/** Largest over smallest time-averaged number of requests; Infinity when only the smallest is 0. */
function queueRatio(pool: readonly BackendTotals[]): number {
  const lengths = pool.map((backend) => backend.waitingRequestMs + backend.runningRequestMs)
  const { min, max } = extentOf(Float64Array.from(lengths))
  return max === 0 ? 1 : max / min
}
