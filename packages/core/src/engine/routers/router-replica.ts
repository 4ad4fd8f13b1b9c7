import { RandomStream } from '../../kernel/random-stream.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { BackendView } from '../../routing/cluster-view.js'
import {
  LiveBackendView,
  LiveClusterView,
  type LiveSource,
  RequestCursor,
  type RequestFacts,
  type RouterActions,
} from '../../routing/live-views.js'
import { isWhole, ModelViews } from '../../routing/model-views.js'
import {
  type DecodeDecision,
  type RoutingAlgorithm,
  type RoutingDecision,
  reject,
} from '../../routing/routing-algorithm.js'
import type { BackendSpec } from '../simulation-options.js'
import type { VisibleSource } from '../visibility/visible-source.js'
import { ColumnGuard } from './column-guard.js'
import { hookFailed } from './hook-failed.js'

const notServed = Object.freeze(reject('model_not_served'))
const noBackend = Object.freeze(reject('no_backend'))

/** What a {@link RouterReplica} is made from. */
export interface RouterReplicaOptions {
  readonly router: RoutingAlgorithm
  /** Counted from 0. */
  readonly number: number
  readonly seed: number
  readonly backends: readonly BackendSpec[]
  /** What it sees. */
  readonly source: LiveSource
  /** The same where it keeps account of its own requests. */
  readonly own: VisibleSource | undefined
  readonly requests: RequestTable
  readonly facts: RequestFacts
  readonly actions: RouterActions
}

/** One router with what it sees. */
export class RouterReplica {
  readonly router: RoutingAlgorithm
  readonly views: readonly BackendView[]
  readonly cluster: LiveClusterView
  /** Only when backends serve models by name. */
  readonly models: ModelViews | undefined
  readonly cursor: RequestCursor
  readonly own: VisibleSource | undefined
  /** What it sees. */
  readonly source: LiveSource
  /** Counted from 0. */
  readonly number: number
  private readonly guard: ColumnGuard
  private readonly unlisted = new Set<number>()
  private isWhole = true

  constructor(options: RouterReplicaOptions) {
    const { router, number, seed, backends, source, requests, facts, actions } = options
    this.router = router
    this.own = options.own
    this.source = source
    this.number = number
    this.views = backends.map((spec, id) => new LiveBackendView(id, spec, source))
    const matched = new Int32Array(this.views.length)
    const random = new RandomStream(seed, number === 0 ? 'router' : `router ${number}`)
    this.cluster = new LiveClusterView(this.views, source, random, actions, matched)
    const isNamed = backends.some(({ model }) => model !== undefined)
    this.models = isNamed ? new ModelViews(this.cluster, requests) : undefined
    this.guard = new ColumnGuard(source.loads)
    this.cursor = new RequestCursor(requests, facts)
  }

  /** Lets the router see a backend, or not. */
  setListed(backend: number, isListed: boolean): void {
    if (isListed) this.unlisted.delete(backend)
    else {
      this.unlisted.add(backend)
      this.own?.gone(backend)
    }
    this.cluster.list(({ id }) => !this.unlisted.has(id))
    this.isWhole = isWhole(this.cluster.backends)
    this.models?.forget()
  }

  /** The cluster as this router sees it for a request; undefined when no backend serves it. */
  clusterFor(request: number): LiveClusterView | undefined {
    return this.models === undefined ? this.cluster : this.models.of(request)
  }

  /** Whether the router is asked about a request: where nobody is left to take it, it is refused without a word. */
  isAsked(request: number): boolean {
    return this.isWhole && this.clusterFor(request) !== undefined
  }

  /** Asks where a request is to go. @throws RouteSimError `router_failed` */
  route(request: number): RoutingDecision {
    const cluster = this.clusterFor(request)
    if (cluster === undefined) return notServed
    if (!this.isWhole) return noBackend
    try {
      const isGuarded = this.guard.begin()
      const decision = this.router.route(this.cursor.at(request), cluster)
      cluster.checkList()
      if (isGuarded) this.guard.check()
      return decision
    } catch (cause) {
      throw hookFailed(this.router.name, 'route', request, cause)
    }
  }

  /** Asks where a request goes on whose prompt is computed. @throws RouteSimError `router_failed` */
  routeDecode(request: number, prefill: BackendView): DecodeDecision {
    const cluster = this.clusterFor(request)
    if (cluster === undefined || !this.isWhole) return noBackend
    try {
      const isGuarded = this.guard.begin()
      const decision = this.router.routeDecode!(this.cursor.at(request), cluster, prefill)
      if (isGuarded) this.guard.check()
      return decision
    } catch (cause) {
      throw hookFailed(this.router.name, 'routeDecode', request, cause)
    }
  }
}
