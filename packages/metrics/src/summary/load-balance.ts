import type { BackendRole, BackendTotals, RunResult } from '@routesim/core'
import { coefficientOfVariation, jainsIndex } from '../statistics/fairness.js'
import { orNull } from '../statistics/or-null.js'

/** How evenly the router spread the measured requests. */
export interface LoadBalance {
  /** Measured requests sent to each backend; a disaggregated one counts on both of its backends. */
  readonly requests: readonly number[]
  readonly jainsIndex: number | null
  readonly coefficientOfVariation: number | null
  readonly maxMinQueueRatio: number | null
}

/** Compares backends with those of the same role: pools of different sizes are not unfair. */
export function loadBalance(result: RunResult): LoadBalance {
  const requests = requestsPerBackend(result)
  const pools = poolsByRole(result.backends)
  const shares = pools.flatMap((pool) => sharesOfPool(pool.map((backend) => requests[backend.id]!)))
  return {
    requests,
    jainsIndex: orNull(jainsIndex(shares)),
    coefficientOfVariation: orNull(coefficientOfVariation(shares)),
    maxMinQueueRatio: orNull(Math.max(...pools.map(queueRatio))),
  }
}

function requestsPerBackend(result: RunResult): number[] {
  const { backend, prefillBackend } = result.outcomes
  const counts = result.backends.map(() => 0)
  for (let row = result.warmupRequests; row < result.requests.size; row++) {
    const decode = backend[row]!
    const prefill = prefillBackend[row]!
    if (decode >= 0) counts[decode]!++
    if (prefill >= 0 && prefill !== decode) counts[prefill]!++
  }
  return counts
}

function poolsByRole(backends: readonly BackendTotals[]): BackendTotals[][] {
  const pools = new Map<BackendRole, BackendTotals[]>()
  for (const backend of backends) {
    const pool = pools.get(backend.role)
    if (pool) pool.push(backend)
    else pools.set(backend.role, [backend])
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
  const max = Math.max(...lengths)
  return max === 0 ? 1 : max / Math.min(...lengths)
}
