import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import { type PromptPathWriter, PromptRuns } from '../../requests/prompt-runs.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { BackendView } from '../../routing/cluster-view.js'
import type { RequestFacts, RouterActions } from '../../routing/live-views.js'
import type {
  BackendChange,
  DecodeDecision,
  RoutingAlgorithm,
  RoutingDecision,
} from '../../routing/routing-algorithm.js'
import {
  type AskedMigration,
  endlessMigrations,
  undeclaredMigration,
} from '../failures/migrations.js'
import { type Machinery, mayMigrate } from '../machinery.js'
import type { SimulationOptions } from '../simulation-options.js'
import { type Deliveries, deliveriesFor } from '../visibility/deliveries.js'
import { DecisionWatch } from './decision-watch.js'
import { HeldRequests } from './held-requests.js'
import { heardAtOnce, hookFailed } from './hook-failed.js'
import { Queries } from './queries.js'
import { RouterReplica } from './router-replica.js'
import { checkedDelay, type RouterTimer, RouterTimers } from './router-timers.js'
import { StandstillGuard } from './standstill-guard.js'
import { UsageCursor } from './usage-cursor.js'

/** Where the routers sit: what they see, what they are asked, what they hold, and what they hear of. */
export class RouterDesk implements RequestFacts {
  readonly promptTokens: Int32Array
  readonly attempts: Uint8Array
  readonly sentMs: Float64Array
  readonly held: HeldRequests
  readonly timers: RouterTimers = new RouterTimers()
  /** What routers see late, or in part; undefined where they see all at once. */
  readonly deliveries: Deliveries | undefined
  readonly queries: Queries
  private readonly machinery: Machinery
  private readonly mayMigrate: boolean
  private readonly migrating: StandstillGuard
  private asked: AskedMigration[] = []
  /** Events yet to come that carry out what routers let go, or want moved. */
  pendingActions = 0
  private readonly usage: UsageCursor
  private readonly replicas: readonly RouterReplica[]
  private readonly only: RouterReplica | undefined
  /** Only when somebody wants to know of decisions, or to force one. */
  private readonly watch: DecisionWatch | undefined
  private readonly allRequests: RequestTable | undefined
  private runs: PromptRuns | undefined
  /** By run, the name of the prompts' heads that end in it; -1 for none yet. */
  private heads: Int32Array | undefined

  constructor(options: SimulationOptions, machinery: Machinery, sentMs: Float64Array) {
    this.machinery = machinery
    const { requests, progress, clock } = machinery
    this.allRequests = 'next' in options.requests ? options.requests.table : options.requests
    const promptRuns = (): PromptRuns => this.promptRuns()
    this.deliveries = deliveriesFor(options, machinery, promptRuns)
    this.promptTokens = this.deliveries?.promptTokens ?? requests.promptTokens
    this.attempts = progress.attempts
    this.mayMigrate = mayMigrate(options.router)
    this.migrating = new StandstillGuard(clock, progress.outcome.length)
    const queryMs = options.visibility?.queryMs ?? 0
    this.queries = new Queries(machinery, options.cluster.backends.length, queryMs)
    this.sentMs = sentMs
    this.usage = new UsageCursor(requests, progress, sentMs, clock)
    const isWatched = options.onDecision !== undefined || options.forcedDecision !== undefined
    this.watch = isWatched ? new DecisionWatch(options, machinery) : undefined
    const routers = [options.router].flat()
    this.replicas = routers.map(
      (router, i) =>
        new RouterReplica({
          router,
          number: i,
          seed: options.seed,
          backends: options.cluster.backends,
          source: this.deliveries?.sources[i] ?? machinery.truth,
          own: this.deliveries?.sources[i],
          requests,
          facts: this,
          actions: this.actionsOf(i, router.name),
        }),
    )
    this.only = this.replicas.length === 1 ? this.replicas[0] : undefined
    const { deliveries } = this
    this.held = new HeldRequests(routers.length, (request) => deliveries?.replicaOf(request) ?? 0)
    this.deliveries?.open(this.replicas)
  }

  /** What results call the router. */
  get name(): string {
    return this.first.name
  }

  /** One of the routers, or the only one. */
  get first(): RoutingAlgorithm {
    return this.replicas[0]!.router
  }

  /** The moves that routers have asked for since the last time. */
  takeAsked(): readonly AskedMigration[] {
    const { asked } = this
    this.asked = []
    return asked
  }

  /** What the algorithm reports about itself, of each replica where there are several. */
  customMetrics(): Readonly<Record<string, number>> {
    const { only } = this
    if (only !== undefined) return metricsOf(only.router)
    return Object.fromEntries(
      this.replicas.flatMap(({ router }, i) =>
        Object.entries(metricsOf(router)).map(([name, value]) => [`router_${i}_${name}`, value]),
      ),
    )
  }

  /** The router that has, or had, a request. */
  replicaOf(request: number): RouterReplica {
    return this.only ?? this.replicas[this.deliveries!.replicaOf(request)]!
  }

  writePath(request: number, out: PromptPathWriter): void {
    this.promptRuns().write(request, out)
  }

  /** The first request that was asked about with this beginning, whose number says nothing of requests to come. */
  headOf(request: number, tokens: number): number {
    const runs = this.promptRuns()
    const run = runs.headOf(request, tokens)
    const number = this.machinery.ordinalOf(request)
    if (run === -1) return number
    this.heads ??= new Int32Array(runs.size).fill(-1)
    if (this.heads[run] === -1) this.heads[run] = number
    return this.heads[run]!
  }

  /** Asks where a request is to go. */
  route(request: number): RoutingDecision {
    this.machinery.refresh()
    const replica = this.replicaOf(request)
    return this.watch === undefined ? replica.route(request) : this.watch.route(replica, request)
  }

  /** Asks where a request goes on whose prompt is computed. */
  routeDecode(request: number): DecodeDecision {
    const { machinery, watch } = this
    machinery.refresh()
    const replica = this.replicaOf(request)
    const prefill = replica.views[machinery.backendOf(machinery.progress.prefillBackend[request]!)]!
    return watch === undefined
      ? replica.routeDecode(request, prefill)
      : watch.routeDecode(replica, request, prefill)
  }

  dispatched(request: number, prefill: BackendView, decode: BackendView): void {
    const { router, cursor, cluster, own } = this.replicaOf(request)
    own?.dispatched(request, prefill.id)
    if (router.onDispatched === undefined) return
    this.machinery.refresh()
    try {
      heardAtOnce(router.onDispatched(cursor.at(request), prefill, cluster, decode))
    } catch (cause) {
      throw hookFailed(router.name, 'onDispatched', request, cause)
    }
  }

  firstTokenProduced(request: number, rank: number): void {
    const { router, cursor, cluster, views, own } = this.replicaOf(request)
    if (own === undefined && router.onFirstToken === undefined) return
    const backend = this.machinery.backendOf(rank)
    own?.prefilled(request, backend)
    if (router.onFirstToken === undefined) return
    this.machinery.refresh()
    try {
      heardAtOnce(router.onFirstToken(cursor.at(request), views[backend]!, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onFirstToken', request, cause)
    }
  }

  /** The prompt of a request is computed, and another backend goes on. */
  handedOver(request: number, prefill: number, decode: number): void {
    this.moved(request, prefill, decode)
    const { router, cursor, cluster, views } = this.replicaOf(request)
    if (router.onHandedOver === undefined) return
    this.machinery.refresh()
    try {
      heardAtOnce(
        router.onHandedOver(cursor.at(request), views[this.machinery.backendOf(decode)]!, cluster),
      )
    } catch (cause) {
      throw hookFailed(router.name, 'onHandedOver', request, cause)
    }
  }

  /** A request goes from one backend to another. */
  moved(request: number, fromRank: number, toRank: number): void {
    const { own } = this.replicaOf(request)
    own?.left(request, this.machinery.backendOf(fromRank))
    own?.joined(request, this.machinery.backendOf(toRank))
  }

  /** A request goes before its first token, with all of its prompt still to be computed. */
  movedBeforeAnswer(request: number, fromRank: number, toRank: number): void {
    const { own } = this.replicaOf(request)
    own?.left(request, this.machinery.backendOf(fromRank))
    own?.dispatched(request, this.machinery.backendOf(toRank))
  }

  /** A move is over. */
  migrated(request: number, rank: number, hasMoved: boolean): void {
    const { router, cursor, cluster, views } = this.replicaOf(request)
    if (router.onMigrated === undefined) return
    this.machinery.refresh()
    const backend = views[this.machinery.backendOf(rank)]!
    try {
      heardAtOnce(router.onMigrated(cursor.at(request), backend, hasMoved, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onMigrated', request, cause)
    }
  }

  /** A request has got more tokens. */
  progressed(request: number, rank: number, tokens: number): void {
    const { router, cursor, cluster, views } = this.replicaOf(request)
    this.machinery.refresh()
    const backend = views[this.machinery.backendOf(rank)]!
    try {
      heardAtOnce(router.onProgress?.(cursor.at(request), backend, tokens, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onProgress', request, cause)
    }
  }

  /** A request has left its backend for good, or is lost. */
  finished(request: number, rank: number): void {
    const { router, cursor, cluster, views, own } = this.replicaOf(request)
    if (own === undefined && router.onFinished === undefined) return
    const backend = this.machinery.backendOf(rank)
    own?.left(request, backend)
    if (router.onFinished === undefined) return
    this.machinery.refresh()
    try {
      heardAtOnce(
        router.onFinished(cursor.at(request), views[backend]!, cluster, this.usage.at(request)),
      )
    } catch (cause) {
      throw hookFailed(router.name, 'onFinished', request, cause)
    }
  }

  /** A request that its router holds, or has just let go, is not sent any more. */
  abandoned(request: number): void {
    const { router, cursor, cluster } = this.replicaOf(request)
    if (router.onAbandoned === undefined) return
    this.machinery.refresh()
    try {
      heardAtOnce(router.onAbandoned(cursor.at(request), cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onAbandoned', request, cause)
    }
  }

  /** Lets routers see a backend as healthy or not. */
  setHealthy(backend: number, isHealthy: boolean): void {
    const { maxQueueDepth } = this.replicas[0]!.views[backend]!
    for (const { loads } of this.deliveries?.sources ?? [this.machinery.truth]) {
      const column = loads.maxQueueDepth as Float64Array
      column[backend] = isHealthy ? maxQueueDepth : 0
    }
  }

  /** Lets routers see a backend at all, or not. */
  setListed(backend: number, isListed: boolean): void {
    for (const replica of this.replicas) replica.setListed(backend, isListed)
  }

  /** Tells the routers what has happened to a backend. */
  backendChanged(backend: number, change: BackendChange): void {
    this.machinery.refresh()
    for (const { router, cluster, views } of this.replicas) {
      try {
        heardAtOnce(router.onBackendChange?.(views[backend]!, change, cluster))
      } catch (cause) {
        throw hookFailed(router.name, 'onBackendChange', undefined, cause)
      }
    }
  }

  /** A timer goes off. */
  timerDue({ replica, id }: RouterTimer): void {
    const { router, cluster } = this.replicas[replica]!
    this.machinery.refresh()
    try {
      heardAtOnce(router.onTimer?.(id, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onTimer', undefined, cause)
    }
  }

  private actLater(): void {
    const { loop, clock, subjects } = this.machinery
    this.pendingActions++
    loop.schedule(clock.nowMs, subjects.released)
  }

  private promptRuns(): PromptRuns {
    this.runs ??= new PromptRuns(this.machinery.requests, this.allRequests)
    return this.runs
  }

  private actionsOf(replica: number, router: string): RouterActions {
    const { machinery, timers, watch } = this
    const { loop, clock, subjects } = machinery
    return {
      notes: watch?.notes,
      emittedTokens: (request) => {
        const { fleet, progress } = machinery
        const rank = progress.backend[request]
        // Whatever number a router asks for.
        if (rank === undefined || this.replicaOf(request).number !== replica) return 0
        return fleet.emittedTokens(rank, request)
      },
      release: (request, decision) => {
        const { held } = this
        const carriedOut =
          watch !== undefined && held.isHeldBy(replica, request)
            ? watch.released(this.replicas[replica]!, request, decision)
            : decision
        // A hook runs while a step is ending; what it lets go is sent when that is over.
        if (held.release(router, replica, request, carriedOut)) this.actLater()
      },
      timer: (id, delayMs) => {
        const dueMs = clock.nowMs + checkedDelay(router, id, delayMs)
        if (!machinery.isOver) loop.schedule(dueMs, subjects.firstTimer + timers.set(replica, id))
      },
      migrate: (request, to, mode) => {
        if (!this.mayMigrate) throw undeclaredMigration(router)
        const others = this.migrating.tooOften()
        if (others > 0) throw endlessMigrations(router, clock.nowMs, others)
        if (this.asked.push({ request, to, mode }) === 1) this.actLater()
      },
      query: (backend, id, about) => {
        this.queries.ask(this.replicas[replica]!, backend.id, id, about?.id ?? -1)
      },
    }
  }
}

/** What a router reports about itself. */
function metricsOf(router: RoutingAlgorithm): Readonly<Record<string, number>> {
  try {
    const figures = router.customMetrics?.() ?? {}
    heardAtOnce(figures, 'figures')
    for (const [name, value] of Object.entries<unknown>(figures)) {
      if (typeof value === 'number') continue
      throw new RouteSimError(`${name}: expected a number, got ${shown(value)}`, {
        code: 'router_failed',
      })
    }
    return figures
  } catch (cause) {
    throw hookFailed(router.name, 'customMetrics', undefined, cause)
  }
}
