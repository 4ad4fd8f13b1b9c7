import type { LatencyModel, StepShape } from '@routesim/core'

/** A point measured with a fixed number of requests in flight, all of the same lengths. */
export interface ClosedLoopPoint {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly concurrency: number
}

/**
 * Mean time per output token that a latency model gives such a load: in the long run each decode step
 * is joined by concurrency · prompt / output tokens of other requests' prompts, in chunks of at most
 * the budget.
 */
export function closedLoopTpotMs(
  model: LatencyModel,
  { promptTokens, outputTokens, concurrency }: ClosedLoopPoint,
  budgetTokens = 8192,
): number {
  const chunk = Math.min(promptTokens, budgetTokens - concurrency)
  const mixedShare = (concurrency * promptTokens) / outputTokens / chunk
  const decode: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: concurrency,
    decodeContextTokens: concurrency * (promptTokens + outputTokens / 2),
  }
  const mixed: StepShape = {
    ...decode,
    prefillTokens: chunk,
    prefillRequests: 1,
    prefillAttentionPairs: (chunk * promptTokens) / 2,
  }
  const decodeMs = model.stepMs(decode)
  return decodeMs + mixedShare * (model.stepMs(mixed) - decodeMs)
}
