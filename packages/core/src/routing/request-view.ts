import type { PromptPathWriter } from '../requests/prompt-runs.js'

/**
 * What a router may know of a request: never its true output length. The object is a cursor that
 * the engine moves: copy the fields you want to keep, one by one. Spreading it (`{ ...request }`) copies none, as
 * they are getters.
 *
 * @example
 * const { id, session, promptTokens } = request
 */
export interface RequestView {
  /**
   * Names the request while it is under way. In the run of a table it is its row, counted in order of arrival. In runs
   * without per-request results, and in live routers, ids of requests that have ended are given to later ones, in no
   * order: who keeps ids of held requests forgets them at {@link RoutingAlgorithm.onAbandoned}.
   */
  readonly id: number
  readonly arrivalMs: number
  /** Length of the prompt; an estimate where the scenario's visibility says so. */
  readonly promptTokens: number
  /** The output limit that the client declared, 0 for none. */
  readonly maxTokens: number
  /** Leading tokens that the trace declares as shareable, 0 for none; of live requests the whole KV blocks. */
  readonly prefixTokens: number
  /** Conversation the request belongs to. */
  readonly session: string | undefined
  readonly user: string | undefined
  readonly tenant: string | undefined
  readonly model: string | undefined
  readonly adapter: string | undefined
  /** Larger is more urgent; 0 is the default. */
  readonly priority: number
  /** Class of service. */
  readonly sloClass?: string | undefined
  /** Time within which the answer should be complete, in ms from the sending. */
  readonly deadlineMs?: number | undefined
  /** Time to the first token that the client asks for, in ms; undefined when it asks for none. */
  readonly ttftSloMs: number | undefined
  /** Times the request was sent to a backend before and came back without having ended. */
  readonly attempt: number
  /**
   * Writes what the prompt shares with others, as runs of tokens from its start on, none beyond its end.
   * Tokens after the last run are the request's own. Allocates nothing.
   */
  promptPath(out: PromptPathWriter): void
  /**
   * Names the first so many tokens of the prompt, or all of it where it is shorter: an integer >= 0 that prompts have in
   * common which begin alike that far; -1 where a client sent embeddings, whose tokens nobody knows. Names of one number
   * of tokens can be told apart, those of several may be equal. Allocates nothing in simulations.
   *
   * Live, it is a hash of the very tokens; in simulations prompts begin alike as far as the trace declares them to.
   */
  promptHead(tokens: number): number
}

/**
 * What became of a request, for {@link RoutingAlgorithm.onFinished}; valid during the call only. Copy fields one by
 * one: spreading it (`{ ...usage }`) copies none.
 */
export interface RequestUsage {
  /** True when it has all its tokens; false when its backend lost it. */
  readonly completed: boolean
  /** True length of the prompt; what the router takes it for where a live worker did not tell it. */
  readonly promptTokens: number
  /** Prompt tokens that the backend had in its KV cache. */
  readonly cachedTokens: number
  /** Length of the answer; NaN where a live worker did not tell it. */
  readonly outputTokens: number
  /** From being sent by the client to the first token, in ms; NaN when there was none. */
  readonly ttftMs: number
  /** From being sent by the client to the end, in ms. */
  readonly e2eMs: number
}
