import type { PromptTree } from './prompt-tree.js'

/**
 * All requests of a workload, one typed array per field, one row per request, sorted by arrival.
 * Strings are interned: a column holds an index into {@link RequestTable.strings}, -1 for none.
 */
export interface RequestTable {
  /** Number of rows. */
  readonly size: number
  /** Set when rows are given to other requests once theirs have ended; nothing is in order then. */
  readonly isWindow?: boolean
  /** Virtual time of arrival in ms, non-decreasing. */
  readonly arrivalMs: Float64Array
  /** Prompt length in tokens, at least 1. */
  readonly promptTokens: Int32Array
  /** True number of tokens the model answers with, at least 0. Routers never see it. */
  readonly outputTokens: Int32Array
  /** The output limit that the client declared (`max_tokens`), 0 for none; routers may see it. */
  readonly maxTokens: Int32Array
  /** Deepest node of the request's content in {@link RequestTable.prompts}, -1 for none. */
  readonly promptNode: Int32Array
  /**
   * Leading tokens that the trace itself declares as shareable (a `prefix_len`, hashed blocks, the
   * earlier turns of a session); 0 for none, never more than the prompt.
   */
  readonly prefixTokens: Int32Array
  /** Conversation, as an index into `strings`. */
  readonly session: Int32Array
  readonly user: Int32Array
  readonly tenant: Int32Array
  readonly model: Int32Array
  /** LoRA adapter. */
  readonly adapter: Int32Array
  /** Larger is more urgent; 0 is the default. */
  readonly priority: Int32Array
  /**
   * Class of service, as an index into `strings`: what the client calls it. `ttftSloMs` and `deadlineMs` are
   * what it asks for. Routers and local policies may heed all three; a run is judged by the targets of its
   * metrics. Absent when no request has one.
   */
  readonly sloClass?: Int32Array
  /** Time within which the answer should be complete, in ms from the sending; NaN for none. */
  readonly deadlineMs?: Float64Array
  /**
   * Row of the request that must have ended before this one is sent, an earlier row; -1 for none. A
   * request with a predecessor is sent at the later of its arrival and `thinkMs` after that end.
   */
  readonly predecessor?: Int32Array
  /**
   * Rows that wait for more than their predecessor, in order; absent when none does. Row `joinRow[i]` is
   * sent when `joinAwaited[i]` has ended too, an earlier row, and `thinkMs` counts from the last end.
   */
  readonly joinRow?: Int32Array
  /** What each of {@link RequestTable.joinRow} waits for. */
  readonly joinAwaited?: Int32Array
  /** Time from the end of what it waits for to the sending, in ms (thinking, a tool at work). */
  readonly thinkMs?: Float64Array
  /**
   * 1 for a request that is sent however those end that it waits for, as the next conversation of a user is;
   * others are never sent when one of these was not completed. Absent when no request is.
   */
  readonly anyEnd?: Int32Array
  /** Time to the first token that the client asks for, in ms; 0 when it asks for none. */
  readonly ttftSloMs: Int32Array
  /** Values of the interned columns. */
  readonly strings: readonly string[]
  /** What the prompts share. */
  readonly prompts: PromptTree
}
