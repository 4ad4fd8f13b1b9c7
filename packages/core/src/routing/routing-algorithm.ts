import type { BackendView, ClusterView } from './cluster-view.js'
import type { RequestUsage, RequestView } from './request-view.js'

/** Prefill on one backend, then hand the KV cache over and decode on another. */
export interface Disaggregate {
  readonly kind: 'disaggregate'
  readonly prefill: BackendView
  readonly decode: BackendView
}

/** Prefill there; where to decode is asked for when the prompt is computed. */
export interface PrefillOn {
  readonly kind: 'prefill'
  readonly prefill: BackendView
}

/** Refuse the request. */
export interface Reject {
  readonly kind: 'reject'
  readonly reason: string
}

/** Keep the request at the router. */
export interface Hold {
  readonly kind: 'hold'
  /** When `route` is asked again, in ms; Infinity for never: then the router releases it. */
  readonly untilMs: number
}

/**
 * Where a request goes: a backend of the cluster, a pair of them, one that prefills, nowhere yet, or nowhere at
 * all.
 */
export type RoutingDecision = BackendView | Disaggregate | PrefillOn | Hold | Reject

/** Where a request goes on whose prompt is computed. */
export type DecodeDecision = BackendView | Hold | Reject

/** Prefill on `prefill`, decode on `decode`. */
export function disaggregate(prefill: BackendView, decode: BackendView): Disaggregate {
  return { kind: 'disaggregate', prefill, decode }
}

/**
 * Prefill on a backend of the role `prefill`; {@link RoutingAlgorithm.routeDecode} is asked where to decode when
 * the prompt is computed.
 */
export function prefillOn(prefill: BackendView): PrefillOn {
  return { kind: 'prefill', prefill }
}

/** Refuse a request, saying why: the reason is counted in the results. */
export function reject(reason: string): Reject {
  return { kind: 'reject', reason }
}

const forever: Hold = Object.freeze({ kind: 'hold', untilMs: Number.POSITIVE_INFINITY })

/**
 * Keep a request at the router until {@link ClusterView.release} lets it go. The time counts into its
 * latencies.
 *
 * @param untilMs - when `route` is asked again, in virtual ms, if it was not released before
 */
export function hold(untilMs: number = Number.POSITIVE_INFINITY): Hold {
  return untilMs === Number.POSITIVE_INFINITY ? forever : { kind: 'hold', untilMs }
}

/** What has happened to a backend, as {@link RoutingAlgorithm.onBackendChange} names it. */
export type BackendChange = 'added' | 'removed' | 'healthy' | 'unhealthy' | 'restarted'

/**
 * What a backend says of its KV cache: whole blocks of tokens `fromTokens` to `toTokens` of the run of
 * {@link RequestView.promptPath} with this id are there, or no longer; or it holds nothing any more. Blocks of a
 * backend with several data-parallel ranks are there as long as any rank has them.
 */
export type KvEvent =
  | {
      readonly kind: 'stored' | 'removed'
      readonly id: number
      readonly fromTokens: number
      readonly toTokens: number
    }
  | { readonly kind: 'cleared' }

/** How a request that has answered gets to another backend: its KV cache is sent, or computed anew there. */
export type MigrationMode = 'transfer' | 'recompute'

/** What a backend answers to {@link ClusterView.query}: how it was when the question came. */
export interface BackendReply {
  /** When the router asked, and when the backend looked, in virtual ms. */
  readonly askedMs: number
  readonly takenMs: number
  /** Requests waiting to be admitted, and admitted ones that have not ended. */
  readonly waiting: number
  readonly running: number
  /** Share of KV blocks held by running requests, 0 to 1. */
  readonly kvUsage: number
  /** Leading prompt tokens that it holds of the request the question named; 0 without one. */
  readonly matchedTokens: number
}

/**
 * A request router. One instance serves one run, or one of the router replicas of a run, and may keep
 * whatever state it needs. Views are live: read them now, do not keep them for later. What is due at one
 * instant it hears in this order: ends of steps (first tokens, ends of requests), metrics, KV events,
 * progress, answers, timers, then the requests that arrive.
 */
export interface RoutingAlgorithm {
  /** What results call it. */
  readonly name: string
  /** True for a router that calls {@link ClusterView.migrate}. */
  readonly migrates?: boolean
  /**
   * True for a router that returns {@link disaggregate}. On a disaggregated cluster it sees all backends and is
   * asked alone, as is one with `routeDecode`; of others there is one per pool.
   */
  readonly disaggregates?: boolean
  /** With `onProgress`: from one time to the next, in ms, greater than 0. */
  readonly progressIntervalMs?: number
  /** Decides where a request goes; {@link ClusterView.notes} takes down why. */
  route(request: RequestView, cluster: ClusterView): RoutingDecision
  /**
   * Decides where a request is decoded that was sent with {@link prefillOn}: its prompt has just been computed,
   * and its KV cache stays where it is until this is answered. One that is refused now has failed, as it has
   * its first token.
   */
  routeDecode?(request: RequestView, cluster: ClusterView, prefill: BackendView): DecodeDecision
  /**
   * A request of this router was handed to a backend.
   * @param decode - the backend that will answer; the same unless the request was disaggregated, and where it
   * is not decided yet
   */
  onDispatched?(
    request: RequestView,
    backend: BackendView,
    cluster: ClusterView,
    decode: BackendView,
  ): void
  /** The prompt of a request of this router is computed, and its KV cache goes to the backend that decodes. */
  onHandedOver?(request: RequestView, decode: BackendView, cluster: ClusterView): void
  /** The first token of a request of this router came back. */
  onFirstToken?(request: RequestView, backend: BackendView, cluster: ClusterView): void
  /**
   * A request of this router that decodes has got more tokens since the last time it was told.
   * @param tokens - output tokens so far
   */
  onProgress?(
    request: RequestView,
    backend: BackendView,
    tokens: number,
    cluster: ClusterView,
  ): void
  /**
   * A move that this router asked for is over, or was refused.
   * @param backend - where the request is now
   */
  onMigrated?(
    request: RequestView,
    backend: BackendView,
    hasMoved: boolean,
    cluster: ClusterView,
  ): void
  /** A request of this router ended on the backend that produced its last token. */
  onFinished?(
    request: RequestView,
    backend: BackendView,
    cluster: ClusterView,
    usage: RequestUsage,
  ): void
  /**
   * A request that this router holds, or has let go in this instant, will not be sent: its client has given up, it
   * is refused without a word from the router, or nothing is left that could make the router let it go. To release
   * it does nothing.
   */
  onAbandoned?(request: RequestView, cluster: ClusterView): void
  /** A sample of a backend's metrics was delivered. Never called where they are always exact. */
  onMetrics?(backend: BackendView, cluster: ClusterView): void
  /** KV events of a backend were delivered, in their order. */
  onKvEvents?(backend: BackendView, events: readonly KvEvent[], cluster: ClusterView): void
  /** A backend came, went, failed or came back. */
  onBackendChange?(backend: BackendView, change: BackendChange, cluster: ClusterView): void
  /**
   * A backend has answered.
   * @param id - of the question
   * @param reply - undefined when the backend was down as the question came
   */
  onReply?(
    id: string,
    backend: BackendView,
    reply: BackendReply | undefined,
    cluster: ClusterView,
  ): void
  /**
   * Runs of {@link RequestView.promptPath} are forgotten: their ids will stand for other content from now on. Only
   * live routers forget, and only what no request under way has and no prompt has begun with in a long time; with a
   * run of a prompt those after it.
   */
  onRunsForgotten?(ids: ArrayLike<number>): void
  /** A timer set with {@link ClusterView.timer} went off. */
  onTimer?(id: string, cluster: ClusterView): void
  /**
   * Numbers about itself that results should carry, such as the size of an index. One that is not finite is null in
   * results, and is left out of the metrics of a live router.
   */
  customMetrics?(): Readonly<Record<string, number>>
}
