import type { BackendView, ClusterView } from './cluster-view.js'
import type { RequestView } from './request-view.js'

/** Prefill on one backend, then hand the KV cache over and decode on another. */
export interface Disaggregate {
  readonly kind: 'disaggregate'
  readonly prefill: BackendView
  readonly decode: BackendView
}

/** Refuse the request. */
export interface Reject {
  readonly kind: 'reject'
  readonly reason: string
}

/** Where a request goes: a backend of the cluster, a pair of them, or nowhere. */
export type RoutingDecision = BackendView | Disaggregate | Reject

/** Prefill on `prefill`, decode on `decode`. */
export function disaggregate(prefill: BackendView, decode: BackendView): Disaggregate {
  return { kind: 'disaggregate', prefill, decode }
}

/** Refuse a request, saying why: the reason is counted in the results. */
export function reject(reason: string): Reject {
  return { kind: 'reject', reason }
}

/**
 * A request router. One instance serves one run and may keep whatever state it needs. Views are
 * live: read them now, do not keep them for later.
 */
export interface RoutingAlgorithm {
  /** What results call it. */
  readonly name: string
  /** Decides where a request goes. */
  route(request: RequestView, cluster: ClusterView): RoutingDecision
  /** A request of this router was handed to a backend. */
  onDispatched?(request: RequestView, backend: BackendView, cluster: ClusterView): void
  /** The first token of a request of this router came back. */
  onFirstToken?(request: RequestView, backend: BackendView, cluster: ClusterView): void
  /** A request of this router ended on the backend that produced its last token. */
  onFinished?(request: RequestView, backend: BackendView, cluster: ClusterView): void
  /** Numbers about itself that results should carry, such as the size of an index. */
  customMetrics?(): Readonly<Record<string, number>>
}
