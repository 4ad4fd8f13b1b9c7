/**
 * What one engine step computes. A step holds every running decode (one token each) and chunks of
 * prompts still to be prefilled.
 */
export interface StepShape {
  /** Prompt tokens computed in this step; cached tokens are not among them. */
  prefillTokens: number
  /** Requests of which a prompt chunk is computed. */
  prefillRequests: number
  /**
   * Pairs (new token, token it attends to) of the prefill chunks: for a chunk of n tokens after c
   * tokens of context, n·c + n·(n+1)/2.
   */
  prefillAttentionPairs: number
  /** Requests that get one output token. */
  decodeRequests: number
  /** Tokens of context of those requests, summed. */
  decodeContextTokens: number
  /**
   * Those of them that lie in the same KV blocks for several of these requests, for each but one: of the
   * context, so much less is distinct. 0 if absent, and unless the latency model asks, see
   * `readsSharedOnce`.
   */
  decodeSharedTokens?: number
}

/** A step in which nothing is computed, to name only what is. */
export const EMPTY_STEP: Readonly<StepShape> = Object.freeze({
  prefillTokens: 0,
  prefillRequests: 0,
  prefillAttentionPairs: 0,
  decodeRequests: 0,
  decodeContextTokens: 0,
  decodeSharedTokens: 0,
})

/** Durations of consecutive steps at a fixed batch: step i (from 0) lasts `baseMs + i * slopeMs`. */
export interface StepSegment {
  baseMs: number
  slopeMs: number
  /** Steps for which the pair holds, at least 1; `Infinity` while the batch stays as it is. */
  steps: number
}

/** How long the engine steps of a backend take. */
export interface LatencyModel {
  readonly name: string
  /** Whether steps depend on `decodeSharedTokens`, which costs time to count; no if absent. */
  readonly readsSharedOnce?: boolean
  /** Duration of one step in ms; finite and greater than 0 for any step that computes something. */
  stepMs(step: StepShape): number
  /**
   * Durations of the steps that follow when the batch stays the same: each adds one token of context
   * to every decoding request, and prefill chunks stay full. A model that is not affine in the
   * context returns the stretch for which it is.
   */
  segment(step: StepShape, out: StepSegment): void
  /**
   * How much longer a step of a data-parallel rank takes because others take part in it, in ms: where ranks that
   * step together share experts, these get the tokens of all. Nothing if absent.
   * @param all - what the ranks compute in it, summed, this one's among it
   */
  sharedMs?(step: StepShape, all: StepShape): number
}
