import { RouteSimError } from '../errors/routesim-error.js'
import { RandomStream } from '../kernel/random-stream.js'
import type { BackendView } from '../routing/cluster-view.js'
import { LiveBackendView, LiveClusterView, RequestCursor } from '../routing/live-views.js'
import { ModelViews } from '../routing/model-views.js'
import {
  type RoutingAlgorithm,
  type RoutingDecision,
  reject,
} from '../routing/routing-algorithm.js'
import type { Machinery } from './machinery.js'
import type { SimulationOptions } from './simulation-options.js'

const notServed = Object.freeze(reject('model_not_served'))

/** Where the router sits: what it sees, what it is asked, and what it hears of. */
export class RouterDesk {
  readonly router: RoutingAlgorithm
  readonly views: readonly BackendView[]
  /** Only when backends serve models by name. */
  readonly models: ModelViews | undefined
  private readonly machinery: Machinery
  private readonly cluster: LiveClusterView
  private readonly cursor: RequestCursor

  constructor({ cluster, router, seed }: SimulationOptions, machinery: Machinery) {
    this.router = router
    this.machinery = machinery
    const { backends } = cluster
    const { truth, requests } = machinery
    this.views = backends.map((spec, id) => new LiveBackendView(id, spec, truth))
    this.cluster = new LiveClusterView(
      this.views,
      truth,
      new RandomStream(seed, 'router'),
      new Int32Array(this.views.length),
    )
    const isNamed = backends.some(({ model }) => model !== undefined)
    this.models = isNamed ? new ModelViews(this.cluster, requests) : undefined
    this.cursor = new RequestCursor(requests)
  }

  /** Asks where a request is to go. */
  route(request: number): RoutingDecision {
    const view = this.models === undefined ? this.cluster : this.models.of(request)
    if (view === undefined) return notServed
    this.machinery.refresh()
    try {
      return this.router.route(this.cursor.at(request), view)
    } catch (cause) {
      if (cause instanceof RouteSimError) throw cause
      throw new RouteSimError(
        `router "${this.router.name}" threw while routing request ${request}: ${cause}`,
        { code: 'router_failed', cause },
      )
    }
  }

  dispatched(request: number, backend: BackendView): void {
    this.machinery.refresh()
    this.router.onDispatched?.(this.cursor.at(request), backend, this.cluster)
  }

  firstTokenProduced(request: number, rank: number): void {
    this.router.onFirstToken?.(this.cursor.at(request), this.viewOf(rank), this.cluster)
  }

  finished(request: number, rank: number): void {
    this.router.onFinished?.(this.cursor.at(request), this.viewOf(rank), this.cluster)
  }

  /** The view of the backend that a rank belongs to, its figures up to date. */
  private viewOf(rank: number): BackendView {
    this.machinery.refresh()
    return this.views[this.machinery.backendOf(rank)]!
  }
}
