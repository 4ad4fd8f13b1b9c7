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
 * The worst moment of the fleet: what a backend admitted before and after the measured request that
 * waited longest for its first token. Null when no request has a first token.
 */
export function requestTimeline(result: RunResult, most: number): RequestTimeline | null {
  const { requests, outcomes, sentMs, warmupRequests } = result
  const latency = (row: number): number => ttftMs(row, requests, outcomes)
  let worst = -1
  for (let row = warmupRequests; row < requests.size; row++) {
    if (worst < 0 ? latency(row) >= 0 : latency(row) > latency(worst)) worst = row
  }
  if (worst < 0) return null
  const backend = outcomes.prefillBackend[worst]!
  const rows: number[] = []
  for (let row = warmupRequests; row < requests.size; row++) {
    if (outcomes.prefillBackend[row] === backend && latency(row) >= 0) rows.push(row)
  }
  rows.sort((a, b) => outcomes.admittedMs[a]! - outcomes.admittedMs[b]! || a - b)
  const from = Math.max(0, Math.min(rows.length - most, rows.indexOf(worst) - Math.floor(most / 2)))
  return {
    backend,
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
