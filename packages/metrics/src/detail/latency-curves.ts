import type { RunResult } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { percentiles } from '../statistics/percentile.js'
import { e2eMs, tpotMs, ttftMs } from '../summary/request-latencies.js'
import { roundValue } from './round-value.js'

/** Cumulative distributions of the latencies of a run, in ms. */
export interface LatencyCurves {
  /** Shares from 0 to 1, ascending and finer at the end; every curve has the value for each. */
  readonly quantiles: readonly number[]
  /** Values are null when there is nothing to distribute. */
  readonly ttft_ms: readonly (number | null)[]
  readonly itl_ms: readonly (number | null)[]
  readonly tpot_ms: readonly (number | null)[]
  readonly e2e_ms: readonly (number | null)[]
}

const PERCENTS = Array.from({ length: 100 }, (_, i) => i / 100)
const TAIL = Array.from({ length: 9 }, (_, i) => (991 + i) / 1000)
const QUANTILES: readonly number[] = [...PERCENTS, ...TAIL, 1]

/** Every percent of the latencies of the measured requests, and every tenth of one beyond P99. */
export function latencyCurves(result: RunResult, gaps: LogHistogram): LatencyCurves {
  const { requests, outcomes, warmupRequests } = result
  const column = new Float64Array(requests.size - warmupRequests)
  const curve = (latency: typeof ttftMs): (number | null)[] => {
    for (let i = 0; i < column.length; i++) {
      column[i] = latency(warmupRequests + i, requests, outcomes)
    }
    return percentiles(column, QUANTILES).map(roundValue)
  }
  return {
    quantiles: QUANTILES,
    ttft_ms: curve(ttftMs),
    itl_ms: QUANTILES.map((q) => roundValue(gaps.quantile(q))),
    tpot_ms: curve(tpotMs),
    e2e_ms: curve(e2eMs),
  }
}
