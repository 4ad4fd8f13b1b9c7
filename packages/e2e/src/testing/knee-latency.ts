import type { LatencyModel } from '@routesim/core'

/**
 * Step time that is affine in the context with two slopes and a knot between them: what a roofline or
 * a table looks like to the engine.
 */
export function kneeLatency(knotTokens: number, flatMs: number, steepMs: number): LatencyModel {
  const contextMs = (tokens: number): number =>
    flatMs * Math.min(tokens, knotTokens) + steepMs * Math.max(0, tokens - knotTokens)
  const model: LatencyModel = {
    name: 'knee',
    stepMs: (step) =>
      2 + step.prefillTokens / 64 + step.decodeRequests / 8 + contextMs(step.decodeContextTokens),
    segment: (step, out) => {
      const { decodeContextTokens: tokens, decodeRequests: requests } = step
      out.baseMs = model.stepMs(step)
      out.slopeMs = requests * (tokens < knotTokens ? flatMs : steepMs)
      const isBefore = tokens < knotTokens && requests > 0
      // The pair holds for steps that stay on this side of the knot.
      out.steps = isBefore
        ? Math.floor((knotTokens - tokens) / requests) + 1
        : Number.POSITIVE_INFINITY
    },
  }
  return model
}
