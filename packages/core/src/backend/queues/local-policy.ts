import type { RandomStream } from '../../kernel/random-stream.js'
import type { RequestView } from '../../routing/request-view.js'

/** What a local policy may know of a request by itself: never its true output length. */
export type WaitingRequest = Pick<
  RequestView,
  | 'arrivalMs'
  | 'promptTokens'
  | 'maxTokens'
  | 'user'
  | 'tenant'
  | 'adapter'
  | 'priority'
  | 'ttftSloMs'
>

/** The requests that wait at one backend, in the order in which they came; a preempted one came first. */
export interface WaitingRequests {
  readonly nowMs: number
  /** How many wait, at least 1. */
  readonly size: number
  /** The i-th. A cursor: the next call moves it. */
  at(i: number): WaitingRequest
  /** Leading tokens of the i-th whose KV this backend has, floored to blocks. */
  cachedTokens(i: number): number
  /** How long the rest of the i-th prompt takes when it is computed alone, in ms; 0 when nothing is left. */
  prefillMs(i: number): number
}

/** An order in which every request has a rank of its own, whatever else waits and however long. */
export interface RankedPolicy {
  readonly name: string
  /** The smaller goes first, first come first served among equals. Asked when a request joins the queue. */
  rank(request: WaitingRequest): number
  /**
   * Whether running requests lose their KV blocks in the opposite order, the latest arrival among equals,
   * where the backend's preemption would take them from the newest.
   */
  readonly preemptsByRank?: boolean
}

/** An order that is made anew for every batch in which there is room. */
export interface ArrangedPolicy {
  readonly name: string
  /** @param order - holds 0 to `waiting.size` - 1; to be rearranged in place, first to go first */
  arrange(waiting: WaitingRequests, order: Int32Array): void
}

/**
 * In which order a backend admits the requests of its queue. The first that can not be admitted stops
 * admission: within one batch nobody overtakes. One instance serves one scheduler of one run.
 */
export type LocalPolicy = RankedPolicy | ArrangedPolicy

/** Those of the backends of a run, undefined where it is first come, first served. */
export type LocalPolicies = readonly (LocalPolicy | undefined)[]

/** Makes the local policy of each backend that is to have it. */
export interface LocalPolicyFactory {
  readonly name: string
  /** @param random - a stream of its own for each scheduler */
  create(random: RandomStream): LocalPolicy
}
