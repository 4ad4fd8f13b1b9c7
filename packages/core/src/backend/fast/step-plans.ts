import type { StepShape } from '../../latency/latency-model.js'
import type { FleetState } from './fleet-state.js'

/* What the step under way on each backend computes, and the prompts that are part of it. */

/** Begins a step with the decodes, which come first. */
export function beginPlan({ batches }: FleetState, backend: number): void {
  const batch = batches[backend]!
  const decodes = batch.decodes
  batch.budget = batch.maxBatchTokens - decodes
  batch.prefills = 0
  batch.prefillTokens = 0
  batch.prefillRequests = 0
  batch.prefillPairs = 0
  batch.decodeRequests = decodes
  batch.decodeTokens = batch.contextTokens
  batch.decodeSharedTokens = decodes === 0 ? 0 : batch.sharedTokens
}

/** Begins a step in which decodes have no part. */
export function beginPromptPlan(state: FleetState, backend: number): void {
  const batch = state.batches[backend]!
  beginPlan(state, backend)
  batch.budget = batch.maxBatchTokens
  batch.decodeRequests = 0
  batch.decodeTokens = 0
  batch.decodeSharedTokens = 0
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
  const batch = state.batches[backend]!
  const count = batch.prefills
  const budget = batch.budget
  const place = batch.firstPlace + count
  state.prefills[place] = request
  state.prefillTokens[place] = tokens
  batch.prefills = count + 1
  batch.budget = tokens < budget ? budget - tokens : 0
  if (tokens === 1 && state.emittedTokens[request]! > 0) {
    batch.decodeRequests += 1
    batch.decodeTokens += computed + 1
    return
  }
  batch.prefillRequests += 1
  batch.prefillTokens += tokens
  batch.prefillPairs += tokens * computed + (tokens * (tokens + 1)) / 2
}

/** The i-th request of which prompt tokens are computed. */
export function prefillAt({ batches, prefills }: FleetState, backend: number, i: number): number {
  return prefills[batches[backend]!.firstPlace + i]!
}

/** How many prompt tokens of it are computed in each step. */
export function prefillTokensAt(
  { batches, prefillTokens }: FleetState,
  backend: number,
  i: number,
): number {
  return prefillTokens[batches[backend]!.firstPlace + i]!
}

/** Writes the shape of the step. */
export function shapeOfPlan({ batches }: FleetState, backend: number, out: StepShape): StepShape {
  const batch = batches[backend]!
  out.prefillTokens = batch.prefillTokens
  out.prefillRequests = batch.prefillRequests
  out.prefillAttentionPairs = batch.prefillPairs
  out.decodeRequests = batch.decodeRequests
  out.decodeContextTokens = batch.decodeTokens
  out.decodeSharedTokens = batch.decodeSharedTokens
  return out
}
