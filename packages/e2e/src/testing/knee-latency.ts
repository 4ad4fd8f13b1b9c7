import type { LatencyModel, StepShape } from '@routesim/core'

/**
 * Step time that is affine in the context with two slopes and a knot between them: what a roofline or
 * a table looks like to the engine. Context that several decodes share counts once.
 */
export function kneeLatency(knotTokens: number, flatMs: number, steepMs: number): LatencyModel {
  const contextMs = (tokens: number): number =>
    flatMs * Math.min(tokens, knotTokens) + steepMs * Math.max(0, tokens - knotTokens)
  const distinct = (step: StepShape): number => step.decodeContextTokens - step.decodeSharedTokens!
  const model: LatencyModel = {
    name: 'knee',
    readsSharedOnce: true,
    stepMs: (step) =>
      2 + step.prefillTokens / 64 + step.decodeRequests / 8 + contextMs(distinct(step)),
    segment: (step, out) => {
      const requests = step.decodeRequests
      const tokens = distinct(step)
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
