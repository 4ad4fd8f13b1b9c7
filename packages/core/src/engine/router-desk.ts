import { RouteSimError } from '../errors/routesim-error.js'
import { RandomStream } from '../kernel/random-stream.js'
import { type PromptPathWriter, PromptRuns } from '../requests/prompt-runs.js'
import type { BackendView } from '../routing/cluster-view.js'
import type { RequestFacts, RouterActions } from '../routing/live-views.js'
import type { BackendChange, RoutingDecision } from '../routing/routing-algorithm.js'
import { HeldRequests } from './held-requests.js'
import type { Machinery } from './machinery.js'
import { RouterReplica } from './router-replica.js'
import { type RouterTimer, RouterTimers } from './router-timers.js'
import type { SimulationOptions } from './simulation-options.js'
import { UsageCursor } from './usage-cursor.js'

/** Where the router sits: what it sees, what it is asked, what it holds, and what it hears of. */
export class RouterDesk implements RequestFacts {
  readonly promptTokens: Int32Array
  readonly attempts: Uint8Array
  readonly held: HeldRequests = new HeldRequests()
  readonly timers: RouterTimers = new RouterTimers()
  private readonly machinery: Machinery
  private readonly usage: UsageCursor
  private readonly only: RouterReplica
  private runs: PromptRuns | undefined

  constructor(
    { cluster, router, seed }: SimulationOptions,
    machinery: Machinery,
    sentMs: Float64Array,
  ) {
    this.machinery = machinery
    const { truth, requests, progress, clock } = machinery
    this.promptTokens = requests.promptTokens
    this.attempts = progress.attempts
    this.usage = new UsageCursor(requests, progress, sentMs, clock)
    this.only = new RouterReplica(
      router,
      cluster.backends,
      truth,
      requests,
      this,
      new RandomStream(seed, 'router'),
      this.actionsOf(0, router.name),
    )
  }

  /** What results call the router. */
  get name(): string {
    return this.only.router.name
  }

  /** What the algorithm reports about itself. */
  customMetrics(): Readonly<Record<string, number>> {
    return this.only.router.customMetrics?.() ?? {}
  }

  /** The router that has, or had, a request. */
  replicaOf(_request: number): RouterReplica {
    return this.only
  }

  writePath(request: number, out: PromptPathWriter): void {
    this.runs ??= new PromptRuns(this.machinery.requests)
    this.runs.write(request, out)
  }

  /** Asks where a request is to go. */
  route(request: number): RoutingDecision {
    this.machinery.refresh()
    return this.replicaOf(request).route(request)
  }

  dispatched(request: number, prefill: BackendView, decode: BackendView): void {
    const { router, cursor, cluster } = this.replicaOf(request)
    this.machinery.refresh()
    router.onDispatched?.(cursor.at(request), prefill, cluster, decode)
  }

  firstTokenProduced(request: number, rank: number): void {
    const { router, cursor, cluster, views } = this.replicaOf(request)
    if (router.onFirstToken === undefined) return
    this.machinery.refresh()
    const view = views[this.machinery.backendOf(rank)]!
    router.onFirstToken(cursor.at(request), view, cluster)
  }

  finished(request: number, rank: number): void {
    const { router, cursor, cluster, views } = this.replicaOf(request)
    if (router.onFinished === undefined) return
    this.machinery.refresh()
    const view = views[this.machinery.backendOf(rank)]!
    router.onFinished(cursor.at(request), view, cluster, this.usage.at(request))
  }

  /** Lets routers see a backend as healthy or not. */
  setHealthy(backend: number, isHealthy: boolean): void {
    const { maxQueueDepth } = this.only.views[backend]!
    this.machinery.truth.loads.maxQueueDepth[backend] = isHealthy ? maxQueueDepth : 0
  }

  /** Lets routers see a backend at all, or not. */
  setListed(backend: number, isListed: boolean): void {
    this.only.setListed(backend, isListed)
  }

  /** Tells the routers what has happened to a backend. */
  backendChanged(backend: number, change: BackendChange): void {
    const { router, cluster, views } = this.only
    this.machinery.refresh()
    router.onBackendChange?.(views[backend]!, change, cluster)
  }

  /** A timer goes off. */
  timerDue({ id }: RouterTimer): void {
    const { router, cluster } = this.only
    this.machinery.refresh()
    router.onTimer?.(id, cluster)
  }

  private actionsOf(replica: number, router: string): RouterActions {
    const { machinery, held, timers } = this
    const { loop, clock, subjects } = machinery
    return {
      release: (request, decision) => {
        // A hook runs while a step is ending; what it lets go is sent when that is over.
        if (held.release(router, request, decision)) loop.schedule(clock.nowMs, subjects.released)
      },
      timer: (id, delayMs) => {
        if (!(delayMs > 0 && delayMs < Number.POSITIVE_INFINITY)) {
          throw new RouteSimError(
            `router "${router}": timer(${JSON.stringify(id)}): expected a delay > 0 ms, got ${delayMs}`,
            { code: 'router_invalid_timer' },
          )
        }
        if (machinery.isOver) return
        loop.schedule(clock.nowMs + delayMs, subjects.firstTimer + timers.set(replica, id))
      },
    }
  }
}
