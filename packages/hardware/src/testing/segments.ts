import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import fc from 'fast-check'

/** A step with one prompt chunk after `cached` tokens, and decodes. */
export function stepOf(
  prefillTokens: number,
  cached: number,
  decodeRequests: number,
  decodeContextTokens: number,
  decodeSharedTokens = 0,
): StepShape {
  return {
    prefillTokens,
    prefillRequests: prefillTokens > 0 ? 1 : 0,
    prefillAttentionPairs: prefillTokens * cached + (prefillTokens * (prefillTokens + 1)) / 2,
    decodeRequests,
    decodeContextTokens,
    decodeSharedTokens,
  }
}

/** Any step that computes something. */
export const anyStep: fc.Arbitrary<StepShape> = fc
  .tuple(fc.nat(8192), fc.nat(40_000), fc.nat(256), fc.nat(12_000), fc.nat(100))
  .filter(([prefill, , decodes]) => prefill + decodes > 0)
  .map(([prefill, cached, decodes, context, percent]) => {
    const shared = Math.floor((context * percent) / 100) * Math.max(0, decodes - 1)
    return stepOf(prefill, cached, decodes, decodes * (1 + context), shared)
  })

/** The step n steps later, if the batch stays: decodes grow by a token, the prompt by a chunk. */
export function afterSteps(step: StepShape, n: number): StepShape {
  const { prefillTokens, decodeRequests } = step
  return {
    ...step,
    decodeContextTokens: step.decodeContextTokens + n * decodeRequests,
    prefillAttentionPairs: step.prefillAttentionPairs + n * prefillTokens * prefillTokens,
  }
}

/** Largest relative difference between a segment and its steps one by one, at a few of them. */
export function segmentError(model: LatencyModel, step: StepShape): number {
  const out: StepSegment = { baseMs: Number.NaN, slopeMs: Number.NaN, steps: Number.NaN }
  model.segment(step, out)
  if (!(out.steps >= 1)) return Number.POSITIVE_INFINITY
  const last = Math.min(out.steps, 1e5) - 1
  const errors = [0, 1, Math.floor(last / 2), last]
    .filter((n) => n <= last)
    .map((n) => Math.abs((out.baseMs + n * out.slopeMs) / model.stepMs(afterSteps(step, n)) - 1))
  return Math.max(...errors)
}
