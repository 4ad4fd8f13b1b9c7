import type { RequestOutcomes, RequestTable, RunResult } from '@routesim/core'
import { percentiles } from '../statistics/percentile.js'
import { tpotMs, ttftMs } from '../summary/request-latencies.js'
import { roundValue } from './round-value.js'

/** A latency of the requests of one range of lengths. */
export interface LengthBin {
  /** Lengths in tokens, both included. */
  readonly from_tokens: number
  readonly to_tokens: number
  readonly count: number
  readonly p50_ms: number | null
  readonly p90_ms: number | null
}

/** Latencies by length of the prompt and of the output; ranges without requests are left out. */
export interface LatencyByLength {
  readonly ttft_by_prompt: readonly LengthBin[]
  readonly tpot_by_output: readonly LengthBin[]
}

/** Ranges hold about equally many requests: edges are quantiles, so outliers stretch none. */
const MOST_BINS = 16

/** Time to first token by prompt length, and per output token by output length, of measured requests. */
export function latencyByLength(result: RunResult): LatencyByLength {
  const { promptTokens, outputTokens } = result.requests
  return {
    ttft_by_prompt: binned(result, promptTokens, ttftMs),
    tpot_by_output: binned(result, outputTokens, tpotMs),
  }
}

function binned(
  { requests, outcomes, warmupRequests }: RunResult,
  lengths: Int32Array,
  latency: (row: number, requests: RequestTable, outcomes: RequestOutcomes) => number,
): LengthBin[] {
  const rows: number[] = []
  for (let row = warmupRequests; row < requests.size; row++) {
    if (!Number.isNaN(latency(row, requests, outcomes))) rows.push(row)
  }
  rows.sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  const bins: LengthBin[] = []
  const size = Math.max(1, Math.ceil(rows.length / MOST_BINS))
  for (let from = 0; from < rows.length; ) {
    let to = Math.min(rows.length, from + size)
    // Equal lengths stay together.
    while (to < rows.length && lengths[rows[to]!] === lengths[rows[to - 1]!]) to++
    const values = Float64Array.from(rows.slice(from, to), (row) =>
      latency(row, requests, outcomes),
    )
    const [p50, p90] = percentiles(values, [0.5, 0.9])
    bins.push({
      from_tokens: lengths[rows[from]!]!,
      to_tokens: lengths[rows[to - 1]!]!,
      count: to - from,
      p50_ms: roundValue(p50!),
      p90_ms: roundValue(p90!),
    })
    from = to
  }
  return bins
}
