import { RouteSimError } from '../errors/routesim-error.js'
import type { StepSegment, StepShape } from '../latency/latency-model.js'
import { stepsToFinish, stepsToSharedBlock } from './decode-batches.js'
import {
  BASE_MS,
  BUDGET,
  CHUNKED,
  DECODES,
  FLOATS,
  type FleetState,
  INTS,
  MOST_STEPS,
  PREFILLS,
  SHARING,
  SLOPE_MS,
  STEPS,
} from './fleet-state.js'
import { prefillAt, prefillTokensAt } from './step-plans.js'
import { stepsThatFit } from './stretch-blocks.js'

/**
 * How many steps the batch of a backend stays as it is, the first included.
 * @param segmentSteps - steps for which the latency model has one closed form
 */
export function stepsTogether(state: FleetState, backend: number, segmentSteps: number): number {
  const { ints } = state
  const n = backend * INTS
  // All of it in integers: V8 is slow where a number may be infinite.
  let most = segmentSteps < MOST_STEPS ? segmentSteps | 0 : MOST_STEPS
  if (ints[n + PREFILLS]! > 0) most = Math.min(most, fullChunks(state, backend))
  if (most <= 1) return 1
  if (ints[n + DECODES]! > 0) most = Math.min(most, stepsToFinish(state, backend))
  if (ints[n + SHARING]! > 0) most = Math.min(most, stepsToSharedBlock(state, backend))
  return most === 1 ? 1 : stepsThatFit(state, backend, most)
}

/** Steps in which the chunked request, if alone, computes a full chunk. */
function fullChunks(state: FleetState, backend: number): number {
  const { ints, kv, computedTokens, emittedTokens, promptTokens } = state
  const n = backend * INTS
  const request = ints[n + CHUNKED]!
  if (ints[n + BUDGET]! > 0 || ints[n + PREFILLS] !== 1) return 1
  if (prefillAt(state, backend, 0) !== request) return 1
  const tokens = prefillTokensAt(state, backend, 0)
  if (tokens === 1 && emittedTokens[request]! > 0) return 1
  const computed = computedTokens[request]!
  const known = promptTokens[request]! + emittedTokens[request]!
  // Where others have computed the prompt further, each chunk gives blocks back: step by step then.
  if (kv.matchOn(backend, request, known) > computed) return 1
  return ((known - computed) / tokens) | 0
}

/** Whether the steps of the stretch that begins take time, and end. */
export function isLatencyValid({ floats, ints, endMs }: FleetState, backend: number): boolean {
  const x = backend * FLOATS
  const baseMs = floats[x + BASE_MS]!
  const lastMs = baseMs + floats[x + SLOPE_MS]! * (ints[backend * INTS + STEPS]! - 1)
  return baseMs > 0 && lastMs > 0 && endMs[backend]! < Number.POSITIVE_INFINITY
}

/** What to throw when they do not. */
export function invalidLatency(
  name: string,
  { baseMs, slopeMs }: StepSegment,
  steps: number,
  shape: StepShape,
): RouteSimError {
  return new RouteSimError(
    `latency model "${name}": expected a finite step time > 0 ms, got ${baseMs} for ${JSON.stringify(shape)} (slope ${slopeMs} over ${steps} steps)`,
    { code: 'latency_invalid' },
  )
}
