import type { StepShape } from '../../latency/latency-model.js'
import type { RequestProgress } from '../../requests/request-progress.js'

/** The step that a {@link ReferenceBackend} plans: what it computes, and how many tokens it may still take. */
export class ReferenceStep {
  budget = 0
  readonly shape: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: 0,
    decodeContextTokens: 0,
    decodeSharedTokens: 0,
  }
  private readonly progress: RequestProgress

  constructor(progress: RequestProgress) {
    this.progress = progress
  }

  begin(budget: number): void {
    const { shape } = this
    this.budget = budget
    shape.prefillTokens = 0
    shape.prefillRequests = 0
    shape.prefillAttentionPairs = 0
    shape.decodeRequests = 0
    shape.decodeContextTokens = 0
    shape.decodeSharedTokens = 0
  }

  /** Adds tokens of a request after `computed` ones; a prompt that can not be split may exceed the budget. */
  add(request: number, computed: number, tokens: number): void {
    this.budget -= Math.min(tokens, this.budget)
    this.count(request, computed, tokens, 1)
  }

  /** Takes out what a running request was given in this step. */
  takeOut(request: number, tokens: number): void {
    if (tokens === 0) return
    this.budget += tokens
    this.count(request, this.progress.computedTokens[request]!, tokens, -1)
  }

  /** One token of a request that has answered before is a decode to the engine. */
  private count(request: number, computed: number, tokens: number, by: 1 | -1): void {
    const { shape } = this
    if (this.progress.emittedTokens[request]! > 0 && tokens === 1) {
      shape.decodeRequests += by
      shape.decodeContextTokens += by * (computed + 1)
    } else {
      shape.prefillRequests += by
      shape.prefillTokens += by * tokens
      shape.prefillAttentionPairs += by * (tokens * computed + (tokens * (tokens + 1)) / 2)
    }
  }
}
