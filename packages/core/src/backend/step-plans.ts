import type { StepShape } from '../latency/latency-model.js'
import {
  BUDGET,
  CONTEXT_TOKENS,
  DECODE_REQUESTS,
  DECODE_SHARED_TOKENS,
  DECODE_TOKENS,
  DECODES,
  FIRST_PLACE,
  FLOATS,
  type FleetState,
  INTS,
  MAX_BATCH_TOKENS,
  PREFILL_PAIRS,
  PREFILL_REQUESTS,
  PREFILL_TOKENS,
  PREFILLS,
  SHARED_TOKENS,
} from './fleet-state.js'

/* What the step under way on each backend computes, and the prompts that are part of it. */

/** Begins a step with the decodes, which come first. */
export function beginPlan({ ints, floats }: FleetState, backend: number): void {
  const n = backend * INTS
  const x = backend * FLOATS
  const decodes = ints[n + DECODES]!
  ints[n + BUDGET] = ints[n + MAX_BATCH_TOKENS]! - decodes
  ints[n + PREFILLS] = 0
  floats[x + PREFILL_TOKENS] = 0
  floats[x + PREFILL_REQUESTS] = 0
  floats[x + PREFILL_PAIRS] = 0
  floats[x + DECODE_REQUESTS] = decodes
  floats[x + DECODE_TOKENS] = floats[x + CONTEXT_TOKENS]!
  floats[x + DECODE_SHARED_TOKENS] = decodes === 0 ? 0 : floats[x + SHARED_TOKENS]!
}

/** Begins a step in which decodes have no part. */
export function beginPromptPlan(state: FleetState, backend: number): void {
  const { ints, floats } = state
  const n = backend * INTS
  const x = backend * FLOATS
  beginPlan(state, backend)
  ints[n + BUDGET] = ints[n + MAX_BATCH_TOKENS]!
  floats[x + DECODE_REQUESTS] = 0
  floats[x + DECODE_TOKENS] = 0
  floats[x + DECODE_SHARED_TOKENS] = 0
}

/**
 * Adds prompt tokens after `computed` ones. One token of a request that has answered before, and is
 * recomputed, is a decode to the engine.
 */
export function planPrefill(
  state: FleetState,
  backend: number,
  request: number,
  computed: number,
  tokens: number,
): void {
  const { ints, floats } = state
  const n = backend * INTS
  const x = backend * FLOATS
  const count = ints[n + PREFILLS]!
  const budget = ints[n + BUDGET]!
  const place = ints[n + FIRST_PLACE]! + count
  state.prefills[place] = request
  state.prefillTokens[place] = tokens
  ints[n + PREFILLS] = count + 1
  ints[n + BUDGET] = tokens < budget ? budget - tokens : 0
  if (tokens === 1 && state.emittedTokens[request]! > 0) {
    floats[x + DECODE_REQUESTS] = floats[x + DECODE_REQUESTS]! + 1
    floats[x + DECODE_TOKENS] = floats[x + DECODE_TOKENS]! + computed + 1
    return
  }
  floats[x + PREFILL_REQUESTS] = floats[x + PREFILL_REQUESTS]! + 1
  floats[x + PREFILL_TOKENS] = floats[x + PREFILL_TOKENS]! + tokens
  floats[x + PREFILL_PAIRS] =
    floats[x + PREFILL_PAIRS]! + tokens * computed + (tokens * (tokens + 1)) / 2
}

/** The i-th request of which prompt tokens are computed. */
export function prefillAt({ ints, prefills }: FleetState, backend: number, i: number): number {
  return prefills[ints[backend * INTS + FIRST_PLACE]! + i]!
}

/** How many prompt tokens of it are computed in each step. */
export function prefillTokensAt(
  { ints, prefillTokens }: FleetState,
  backend: number,
  i: number,
): number {
  return prefillTokens[ints[backend * INTS + FIRST_PLACE]! + i]!
}

/** Writes the shape of the step. */
export function shapeOfPlan({ floats }: FleetState, backend: number, out: StepShape): StepShape {
  const x = backend * FLOATS
  out.prefillTokens = floats[x + PREFILL_TOKENS]!
  out.prefillRequests = floats[x + PREFILL_REQUESTS]!
  out.prefillAttentionPairs = floats[x + PREFILL_PAIRS]!
  out.decodeRequests = floats[x + DECODE_REQUESTS]!
  out.decodeContextTokens = floats[x + DECODE_TOKENS]!
  out.decodeSharedTokens = floats[x + DECODE_SHARED_TOKENS]!
  return out
}
