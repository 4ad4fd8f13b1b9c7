import type { RunResult } from '@routesim/core'
import { orNull } from '../statistics/or-null.js'
import { ttftMs } from '../summary/request-latencies.js'

/** The times of one request, in ms of the run; null for what did not happen. */
export interface TimelineRequest {
  readonly id: number
  readonly sent_ms: number
  readonly admitted_ms: number | null
  readonly first_token_ms: number | null
  readonly finished_ms: number | null
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly output_tokens: number
}

/** Requests that one backend admitted one after another. */
export interface RequestTimeline {
  readonly backend: number
  readonly requests: readonly TimelineRequest[]
}

/**
 * The busiest backend around its worst moment: what it admitted before and after the measured
 * request that waited longest for its first token. Null when no request has a first token.
 */
export function requestTimeline(result: RunResult, most: number): RequestTimeline | null {
  const { requests, outcomes, sentMs, warmupRequests, backends } = result
  const admitted: number[][] = backends.map(() => [])
  for (let row = warmupRequests; row < requests.size; row++) {
    if (Number.isNaN(outcomes.firstTokenMs[row]!)) continue
    admitted[outcomes.prefillBackend[row]!]?.push(row)
  }
  const rows = admitted.reduce((a, b) => (b.length > a.length ? b : a), [])
  if (rows.length === 0) return null
  rows.sort((a, b) => outcomes.admittedMs[a]! - outcomes.admittedMs[b]! || a - b)
  const latency = (row: number): number => ttftMs(row, requests, outcomes)
  const worst = rows.reduce((at, row, i) => (latency(row) > latency(rows[at]!) ? i : at), 0)
  const from = Math.max(0, Math.min(rows.length - most, worst - Math.floor(most / 2)))
  return {
    backend: outcomes.prefillBackend[rows[0]!]!,
    requests: rows.slice(from, from + most).map((row) => ({
      id: row,
      sent_ms: sentMs[row]!,
      admitted_ms: orNull(outcomes.admittedMs[row]!),
      first_token_ms: orNull(outcomes.firstTokenMs[row]!),
      finished_ms: orNull(outcomes.finishedMs[row]!),
      prompt_tokens: requests.promptTokens[row]!,
      cached_tokens: outcomes.cachedTokens[row]!,
      output_tokens: requests.outputTokens[row]!,
    })),
  }
}
