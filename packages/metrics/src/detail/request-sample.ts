import type { RunResult } from '@routesim/core'
import { tpotMs, ttftMs } from '../summary/request-latencies.js'
import { roundValue } from './round-value.js'

/** Some of the measured requests, evenly spread over the run; columns of equal length. */
export interface RequestSample {
  /** Measured requests with a first token, of which these are a sample. */
  readonly of: number
  readonly prompt_tokens: readonly number[]
  readonly output_tokens: readonly number[]
  readonly cached_tokens: readonly number[]
  readonly ttft_ms: readonly (number | null)[]
  /** Null for requests with fewer than two output tokens. */
  readonly tpot_ms: readonly (number | null)[]
}

/** Takes every n-th request that has a first token, so that at most `most` are taken. */
export function sampleRequests(result: RunResult, most: number): RequestSample {
  const { requests, outcomes, warmupRequests } = result
  const rows: number[] = []
  for (let row = warmupRequests; row < requests.size; row++) {
    if (!Number.isNaN(outcomes.firstTokenMs[row]!)) rows.push(row)
  }
  const every = Math.max(1, Math.ceil(rows.length / most))
  const taken = rows.filter((_, i) => i % every === 0)
  return {
    of: rows.length,
    prompt_tokens: taken.map((row) => requests.promptTokens[row]!),
    output_tokens: taken.map((row) => requests.outputTokens[row]!),
    cached_tokens: taken.map((row) => outcomes.cachedTokens[row]!),
    ttft_ms: taken.map((row) => roundValue(ttftMs(row, requests, outcomes))),
    tpot_ms: taken.map((row) => roundValue(tpotMs(row, requests, outcomes))),
  }
}
