import { OUTCOME, type RunResult } from '@routesim/core'
import { type Distribution, distributionOfColumn } from '../statistics/distribution.js'
import type { Extent } from '../statistics/extent.js'

/** Latencies of the measured requests of a run, in ms. */
export interface LatencyDistributions {
  /** From arrival to the first token. */
  readonly ttft: Distribution
  /** The same of completed requests. */
  readonly completedTtft: Distribution
  /** From arrival to admission. */
  readonly queueWait: Distribution
  /** From arrival to the end, of completed requests. */
  readonly e2e: Distribution
  /** Mean per output token after the first, of completed requests with at least two. */
  readonly tpot: Distribution
}

/** Distributes the latencies of the measured requests. */
export function latencyDistributions(result: RunResult): LatencyDistributions {
  const { sentMs } = result
  const { firstTokenMs, admittedMs, finishedMs } = result.outcomes
  // One column serves all: to write to new memory costs more than to compute what is written.
  const column = new Float64Array(result.requests.size - result.warmupRequests)
  const between = (from: Float64Array, to: Float64Array, of: Measured): Distribution =>
    distributionOfColumn(column, fill(column, from, to, of, result))
  // The one that takes all branches comes first: code compiled without one is compiled again.
  const tpot = between(firstTokenMs, finishedMs, 'perLaterToken')
  const e2e = between(sentMs, finishedMs, 'completed')
  const ttft = between(sentMs, firstTokenMs, 'all')
  const areAllCompleted = e2e.count === column.length
  return {
    ...{ tpot, e2e, ttft },
    completedTtft: areAllCompleted ? ttft : between(sentMs, firstTokenMs, 'completed'),
    queueWait: between(sentMs, admittedMs, 'all'),
  }
}

/** Of which requests a time is taken, and whether it is divided by the output tokens after the first. */
type Measured = 'all' | 'completed' | 'perLaterToken'

/** Writes the times between two columns, NaN where there is none; in the same pass, their extent. */
function fill(
  column: Float64Array,
  from: Float64Array,
  to: Float64Array,
  of: Measured,
  result: RunResult,
): Extent {
  const { outcome } = result.outcomes
  const { outputTokens } = result.requests
  const completedOnly = of !== 'all'
  const perLaterToken = of === 'perLaterToken'
  const absent = Number.NaN
  let count = 0
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0, row = result.warmupRequests; i < column.length; i++, row++) {
    let value = to[row]! - from[row]!
    if (completedOnly && outcome[row] !== OUTCOME.completed) value = absent
    else if (perLaterToken) {
      const laterTokens = outputTokens[row]! - 1
      value = laterTokens < 1 ? absent : value / laterTokens
    }
    column[i] = value
    if (Number.isNaN(value)) continue
    count++
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  return { count, sum, min, max }
}
