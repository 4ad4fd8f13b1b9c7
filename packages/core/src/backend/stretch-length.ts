import { RouteSimError } from '../errors/routesim-error.js'
import type { LatencyModel, StepSegment, StepShape } from '../latency/latency-model.js'
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
 * @param segment - what the latency model has one closed form for; as a whole, since a number of steps
 * that may be infinite would be boxed on its way here
 */
export function stepsTogether(state: FleetState, backend: number, segment: StepSegment): number {
  const { ints } = state
  const n = backend * INTS
  // All of it in integers: V8 is slow where a number may be infinite.
  let most = segment.steps < MOST_STEPS ? segment.steps | 0 : MOST_STEPS
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

/**
 * Checks that the steps of the stretch that begins take time, and end.
 * @throws RouteSimError `latency_invalid`
 */
export function checkLatency(
  { floats, ints, endMs }: FleetState,
  backend: number,
  latency: LatencyModel,
  shape: StepShape,
): void {
  const x = backend * FLOATS
  const steps = ints[backend * INTS + STEPS]!
  const lastMs = floats[x + BASE_MS]! + floats[x + SLOPE_MS]! * (steps - 1)
  if (floats[x + BASE_MS]! > 0 && lastMs > 0 && endMs[backend]! < Number.POSITIVE_INFINITY) return
  throw new RouteSimError(
    `latency model "${latency.name}": expected a finite step time > 0 ms, got ${floats[x + BASE_MS]} for ${JSON.stringify(shape)} (slope ${floats[x + SLOPE_MS]} over ${steps} steps)`,
    { code: 'latency_invalid' },
  )
}
