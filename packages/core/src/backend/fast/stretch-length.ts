import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import type { LatencyModel, StepSegment, StepShape } from '../../latency/latency-model.js'
import { MOST_STEPS } from './backend-batch.js'
import { stepsToFinish, stepsToSharedBlock } from './decode-batches.js'
import type { FleetState } from './fleet-state.js'
import { prefillAt, prefillTokensAt } from './step-plans.js'
import { stepsThatFit } from './stretch-blocks.js'

/**
 * How many steps the batch of a backend stays as it is, the first included.
 * @param segment - what the latency model has one closed form for; as a whole, since a number of steps
 * that may be infinite would be boxed on its way here
 */
export function stepsTogether(state: FleetState, backend: number, segment: StepSegment): number {
  const batch = state.batches[backend]!
  // All of it in integers: V8 is slow where a number may be infinite.
  let most = segment.steps < MOST_STEPS ? segment.steps | 0 : MOST_STEPS
  if (batch.prefills > 0) most = Math.min(most, fullChunks(state, backend))
  if (most <= 1) return 1
  if (batch.decodes > 0) most = Math.min(most, stepsToFinish(state, backend))
  if (batch.sharing > 0) most = Math.min(most, stepsToSharedBlock(state, backend))
  return most === 1 ? 1 : stepsThatFit(state, backend, most)
}

/** Steps in which the chunked request, if alone, computes a full chunk. */
function fullChunks(state: FleetState, backend: number): number {
  const { batches, kv, computedTokens, emittedTokens, promptTokens } = state
  const batch = batches[backend]!
  const request = batch.chunked
  if (batch.budget > 0 || batch.prefills !== 1) return 1
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
  { batches, endMs }: FleetState,
  backend: number,
  latency: LatencyModel,
  shape: StepShape,
): void {
  const batch = batches[backend]!
  const steps = batches[backend]!.steps
  const lastMs = batch.baseMs + batch.slopeMs * (steps - 1)
  const isNumber = Number.isFinite(batch.baseMs) && Number.isFinite(lastMs)
  if (isNumber && batch.baseMs > 0 && lastMs > 0 && endMs[backend]! < Number.POSITIVE_INFINITY)
    return
  throw latencyInvalid(latency.name, shape, batch.baseMs, batch.slopeMs, steps)
}

/** A latency model gave steps that take no time, or do not end. */
export function latencyInvalid(
  name: string,
  shape: StepShape,
  baseMs: number,
  slopeMs: number,
  steps: number,
): RouteSimError {
  return new RouteSimError(
    `latency model "${name}": expected a finite step time > 0 ms, got ${shown(baseMs)} for ${JSON.stringify(shape)} (slope ${slopeMs} over ${steps} steps)`,
    { code: 'latency_invalid' },
  )
}
