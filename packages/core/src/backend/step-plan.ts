import type { StepShape } from '../latency/latency-model.js'

/** What the step about to start computes, and the prompts that are part of it. */
export class StepPlan {
  readonly shape: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: 0,
    decodeContextTokens: 0,
  }
  /** Tokens that the step may still take. */
  budget = 0
  /** Requests of which prompt tokens are computed, how many each, and how many requests. */
  readonly prefills: Int32Array
  readonly prefillTokens: Int32Array
  prefillCount = 0

  constructor(capacity: number) {
    this.prefills = new Int32Array(capacity)
    this.prefillTokens = new Int32Array(capacity)
  }

  /** Begins a step with the decodes, which come first. */
  begin(budget: number, decodeRequests: number, decodeContextTokens: number): void {
    this.budget = budget - decodeRequests
    this.prefillCount = 0
    this.shape.prefillTokens = 0
    this.shape.prefillRequests = 0
    this.shape.prefillAttentionPairs = 0
    this.shape.decodeRequests = decodeRequests
    this.shape.decodeContextTokens = decodeContextTokens
  }

  /**
   * Adds prompt tokens after `computed` ones. One token of a request that has answered before, and is
   * recomputed, is a decode to the engine.
   */
  addPrefill(request: number, computed: number, tokens: number, hasAnswered: boolean): void {
    const { shape } = this
    this.prefills[this.prefillCount] = request
    this.prefillTokens[this.prefillCount++] = tokens
    this.budget -= Math.min(tokens, this.budget)
    if (hasAnswered && tokens === 1) {
      shape.decodeRequests++
      shape.decodeContextTokens += computed + 1
      return
    }
    shape.prefillRequests++
    shape.prefillTokens += tokens
    shape.prefillAttentionPairs += tokens * computed + (tokens * (tokens + 1)) / 2
  }
}
