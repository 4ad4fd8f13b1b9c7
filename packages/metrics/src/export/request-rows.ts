import { OUTCOME, type RunResult } from '@routesim/core'
import { orNull } from '../statistics/or-null.js'
import { tpotMs } from '../summary/request-latencies.js'

/** What became of one request, for CSV or JSON lines. Times are in ms; null where there is none. */
export interface RequestRow {
  /** Row of the request, counted in order of arrival. */
  readonly id: number
  /** False for requests of the warm-up. */
  readonly measured: boolean
  readonly arrival_ms: number
  readonly prompt_tokens: number
  readonly output_tokens: number
  /** Null when it was sent nowhere. */
  readonly backend: number | null
  /** Backend that computed the prompt. */
  readonly prefill_backend: number | null
  readonly outcome: keyof typeof OUTCOME
  readonly reject_reason: string | null
  readonly queue_wait_ms: number | null
  readonly ttft_ms: number | null
  readonly e2e_ms: number | null
  readonly tpot_ms: number | null
  readonly cached_tokens: number
  /** Prompt tokens loaded from lower tiers; absent when no backend has any. */
  readonly loaded_tokens?: number
  readonly preemptions: number
  /** Times it was sent again after its backend had failed or was not there. */
  readonly retries: number
}

/** All requests of a run in order of arrival, those of the warm-up included, one at a time. */
export function* requestRows(result: RunResult): Generator<RequestRow, void, undefined> {
  const { requests, outcomes } = result
  const outcomeNames = Object.keys(OUTCOME) as (keyof typeof OUTCOME)[]
  for (let id = 0; id < requests.size; id++) {
    const arrivalMs = result.sentMs[id]!
    yield {
      id,
      measured: id >= result.warmupRequests,
      arrival_ms: arrivalMs,
      prompt_tokens: requests.promptTokens[id]!,
      output_tokens: requests.outputTokens[id]!,
      backend: idOrNull(outcomes.backend[id]!),
      prefill_backend: idOrNull(outcomes.prefillBackend[id]!),
      outcome: outcomeNames.find((name) => OUTCOME[name] === outcomes.outcome[id])!,
      reject_reason: result.rejectReasons[outcomes.rejectReason[id]!] ?? null,
      queue_wait_ms: orNull(outcomes.admittedMs[id]! - arrivalMs),
      ttft_ms: orNull(outcomes.firstTokenMs[id]! - arrivalMs),
      e2e_ms:
        outcomes.outcome[id] === OUTCOME.completed
          ? orNull(outcomes.finishedMs[id]! - arrivalMs)
          : null,
      tpot_ms: orNull(tpotMs(id, requests, outcomes)),
      cached_tokens: outcomes.cachedTokens[id]!,
      ...(outcomes.loadedTokens && { loaded_tokens: outcomes.loadedTokens[id]! }),
      preemptions: outcomes.preemptions[id]!,
      retries: outcomes.attempts[id]!,
    }
  }
}

function idOrNull(backend: number): number | null {
  return backend < 0 ? null : backend
}
