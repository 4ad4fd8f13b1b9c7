import { OUTCOME, type RunResult } from '@routesim/core'

/** One request and when it entered each of its states, in seconds; null for those it never entered. */
export interface RequestStateRow {
  readonly idx: number
  readonly input_length: number
  readonly output_length: number
  /** How it ended. */
  readonly outcome: keyof typeof OUTCOME
  readonly prefill_instance: number | null
  readonly decode_instance: number | null
  /** PREFILL_GLOBAL and, as routers decide at once, PREFILL_LOCAL. */
  readonly arrival: number
  readonly prefill_start: number | null
  /** DECODE_GLOBAL: the first token is there, the KV cache waits for room. */
  readonly prefill_finish: number | null
  readonly kv_transmission_start: number | null
  /** DECODE_LOCAL: it joins the next step. */
  readonly kv_transmission_finish: number | null
  readonly decode_finish: number | null
}

/**
 * All requests of a run in order of arrival.
 * @param prefillInstances - decode instances are counted after them
 */
export function* requestStates(
  { requests, outcomes, sentMs }: RunResult,
  prefillInstances: number,
): Generator<RequestStateRow, void, undefined> {
  const names = Object.keys(OUTCOME) as (keyof typeof OUTCOME)[]
  const { transferStartMs, transferEndMs, prefillBackend, backend } = outcomes
  for (let idx = 0; idx < requests.size; idx++) {
    yield {
      idx,
      input_length: requests.promptTokens[idx]!,
      output_length: requests.outputTokens[idx]!,
      outcome: names.find((name) => OUTCOME[name] === outcomes.outcome[idx])!,
      prefill_instance: instance(prefillBackend[idx]!, 0),
      decode_instance: instance(backend[idx]!, prefillInstances),
      arrival: sentMs[idx]! / 1000,
      prefill_start: seconds(outcomes.admittedMs[idx]),
      prefill_finish: seconds(outcomes.firstTokenMs[idx]),
      kv_transmission_start: seconds(transferStartMs?.[idx]),
      kv_transmission_finish: seconds(transferEndMs?.[idx]),
      decode_finish: seconds(outcomes.finishedMs[idx]),
    }
  }
}

function instance(backend: number, first: number): number | null {
  return backend < first ? null : backend - first
}

function seconds(ms = Number.NaN): number | null {
  return Number.isNaN(ms) ? null : ms / 1000
}
