import { BackendLoads } from '../backend/backend-loads.js'
import { reservedShare, reservedTokens } from '../backend/engine-policies.js'
import { FastFleet } from '../backend/fast-fleet.js'
import type { Fleet, FleetContext, FleetListener } from '../backend/fleet.js'
import { hasPolicies, PolicyFleet } from '../backend/policy-fleet.js'
import { ReferenceFleet } from '../backend/reference-fleet.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { Clock } from '../kernel/clock.js'
import { type EventHandler, EventLoop } from '../kernel/event-loop.js'
import { RandomStream } from '../kernel/random-stream.js'
import type { BulkKvCache, KvCache } from '../kv-cache/kv-cache.js'
import { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import type { BackendView } from '../routing/cluster-view.js'
import { LiveBackendView, LiveClusterView, RequestCursor } from '../routing/live-views.js'
import { ModelViews } from '../routing/model-views.js'
import type { RoutingAlgorithm, RoutingDecision } from '../routing/routing-algorithm.js'
import { checkConservation } from './check-conservation.js'
import { checkOptions } from './check-options.js'
import { invalidDecision, wrongModel } from './decision-errors.js'
import { HandOver } from './hand-over.js'
import { MeasuredTotals } from './measured-totals.js'
import { type RankedSource, RankTable } from './rank-table.js'
import { OUTCOME, type RunResult } from './run-result.js'
import type { SimulationOptions } from './simulation-options.js'
import { TokenGaps } from './token-gaps.js'

/**
 * What happens in a run: requests arrive and are routed, backends step, KV caches travel. The public
 * face is {@link Simulation}.
 */
export class Engine implements FleetListener, EventHandler {
  private readonly options: SimulationOptions
  private readonly requests: RequestTable
  private readonly router: RoutingAlgorithm
  private readonly loop: EventLoop
  private readonly clock: Clock
  private readonly gaps: TokenGaps
  private readonly kv: KvCache
  private readonly progress: RequestProgress
  private readonly loads: BackendLoads
  /** The same per backend, where those have several ranks. */
  private readonly visibleLoads: BackendLoads
  private readonly ranks: RankTable | undefined
  private readonly rankedSource: RankedSource | undefined
  private readonly fleet: Fleet
  private readonly views: readonly BackendView[]
  private readonly cluster: LiveClusterView
  /** Only when backends serve models by name. */
  private readonly models: ModelViews | undefined
  private readonly cursor: RequestCursor
  private readonly handOver: HandOver
  private readonly frontEndMs: Float64Array
  private readonly reservedShare: Float64Array
  private readonly totals: MeasuredTotals
  private readonly rejectReasons: string[] = []
  private ended = 0
  private endMs = 0
  private isDone = false

  constructor(options: SimulationOptions) {
    checkOptions(options)
    const { cluster, requests, router, seed } = options
    this.options = options
    this.requests = requests
    this.router = router
    const { backends } = cluster
    this.ranks = backends.some(({ dp = 1 }) => dp > 1) ? new RankTable(backends) : undefined
    const specs = this.ranks?.specs ?? backends
    this.loop = new EventLoop(specs.length, requests.arrivalMs)
    this.kv = cluster.kvCache(
      requests,
      specs.map(({ kv }) => kv),
    )
    this.progress = new RequestProgress(requests.size)
    this.loads = new BackendLoads(Float64Array.from(specs, ({ maxQueueDepth }) => maxQueueDepth))
    this.clock = this.loop.clock
    const recorder = options.recorder ?? {}
    this.gaps = new TokenGaps(recorder)
    const context: FleetContext = {
      clock: this.clock,
      specs,
      requests,
      progress: this.progress,
      kv: this.kv,
      loads: this.loads,
      listener: this,
      recorder: this.ranks?.recorder(recorder) ?? recorder,
      gaps: this.gaps,
      measuredFrom: options.warmupRequests ?? 0,
    }
    const { kv } = this
    this.fleet = !isBulk(kv)
      ? new ReferenceFleet(context)
      : specs.some(hasPolicies)
        ? new PolicyFleet(context, kv)
        : new FastFleet(context, kv)
    const { clock, fleet, loads } = this
    this.rankedSource = this.ranks?.source(fleet, kv, loads, clock)
    const source = this.rankedSource ?? { fleet, loads, kv, clock }
    this.visibleLoads = source.loads
    this.views = backends.map((spec, id) => new LiveBackendView(id, spec, source))
    this.cluster = new LiveClusterView(
      this.views,
      source,
      new RandomStream(seed, 'router'),
      new Int32Array(this.views.length),
    )
    const isNamed = backends.some(({ model }) => model !== undefined)
    this.models = isNamed ? new ModelViews(this.cluster, requests) : undefined
    this.cursor = new RequestCursor(requests)
    this.frontEndMs = Float64Array.from(specs, ({ frontEndMs = 0 }) => frontEndMs)
    this.reservedShare = Float64Array.from(specs, reservedShare)
    this.handOver = new HandOver(specs, cluster.kvTransfer, this.progress)
    this.totals = new MeasuredTotals(specs, this.fleet, this.kv)
  }

  /** Requests that have ended so far. */
  get endedRequests(): number {
    return this.ended
  }

  /**
   * Handles at most `maxEvents` events.
   * @returns true when the run is over
   * @throws RouteSimError when a router, a latency model or the engine itself breaks its contract
   */
  run(maxEvents: number): boolean {
    const isQuiet = this.loop.run(this, maxEvents)
    this.gaps.flush()
    if (!isQuiet) return false
    if (this.ended < this.requests.size && this.resolveDeadlock()) return false
    if (!this.isDone) {
      checkConservation(this.requests, this.progress, this.loads, this.kv)
      this.isDone = true
    }
    return true
  }

  /** What the run has left behind so far. */
  result(): RunResult {
    const { requests, router, options } = this
    const warmupRequests = options.warmupRequests ?? 0
    return {
      router: router.name,
      visibility: 'exact',
      seed: options.seed,
      requests,
      outcomes:
        this.ranks === undefined
          ? this.progress
          : {
              ...this.progress,
              backend: this.ranks.backendsOf(this.progress.backend),
              prefillBackend: this.ranks.backendsOf(this.progress.prefillBackend),
            },
      rejectReasons: this.rejectReasons,
      warmupRequests,
      measuredFromMs: requests.arrivalMs[Math.min(warmupRequests, requests.size - 1)] ?? 0,
      endMs: this.endMs,
      complete: this.isDone,
      backends: this.ranks?.merge(this.totals.sinceStart()) ?? this.totals.sinceStart(),
      customMetrics: router.customMetrics?.() ?? {},
    }
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    this.fleet.completeStep(backend)
    this.loop.settleLater(backend)
  }

  /** The KV cache of a request has reached its decode backend, or a request has left a front end. */
  event(subject: number): void {
    const { size } = this.requests
    if (subject < size) this.completeTransfer(subject)
    else this.enqueue(subject - size)
  }

  /** A request arrives. */
  enter(request: number): void {
    if (request === this.options.warmupRequests) this.totals.start()
    const view = this.models === undefined ? this.cluster : this.models.of(request)
    if (view === undefined) this.reject(request, 'model_not_served')
    else this.dispatch(request, this.route(request, view))
  }

  /** A backend may start a step. */
  settle(id: number): void {
    const { fleet, loop } = this
    if (this.ranks?.isInLockstep(id) === true) {
      this.settleTogether(this.ranks, id)
      return
    }
    fleet.startStep(id)
    const endMs = fleet.endMs(id)
    if (!Number.isNaN(endMs)) loop.setAlarm(id, endMs)
  }

  /** Starts a step on all ranks of a backend, once none is in one. */
  private settleTogether(ranks: RankTable, id: number): void {
    const { fleet, loop } = this
    const backend = ranks.backendOf(id)
    const from = ranks.firstRank(backend)
    const to = ranks.firstRank(backend + 1)
    for (let rank = from; rank < to; rank++) if (!Number.isNaN(fleet.endMs(rank))) return
    let endMs = Number.NEGATIVE_INFINITY
    for (let rank = from; rank < to; rank++) {
      fleet.startStep(rank)
      if (fleet.endMs(rank) > endMs) endMs = fleet.endMs(rank)
    }
    for (let rank = from; rank < to; rank++) {
      if (Number.isNaN(fleet.endMs(rank))) continue
      fleet.prolong(rank, endMs)
      loop.setAlarm(rank, endMs)
    }
  }

  /** The view of the backend that a rank belongs to, its figures up to date. */
  private viewOf(rank: number): BackendView {
    this.rankedSource?.refresh()
    return this.views[this.ranks === undefined ? rank : this.ranks.backendOf(rank)]!
  }

  firstTokenProduced(request: number, backend: number): void {
    this.router.onFirstToken?.(this.cursor.at(request), this.viewOf(backend), this.cluster)
  }

  requestFinished(request: number, backend: number): void {
    this.progress.finishedMs[request] = this.clock.nowMs
    this.progress.backend[request] = backend
    this.end(request, OUTCOME.completed)
    this.router.onFinished?.(this.cursor.at(request), this.viewOf(backend), this.cluster)
  }

  prefillFinished(request: number): void {
    this.progress.isHandedOver[request] = 1
    let decode = this.progress.backend[request]!
    if (this.ranks !== undefined) {
      decode = this.ranks.leastOutstanding(this.ranks.backendOf(decode), this.loads)
      this.progress.backend[request] = decode
    }
    this.fleet.enqueueHandedOver(decode, request)
    this.touch(decode)
  }

  transferStarted(request: number, tokens: number): void {
    const durationMs = this.handOver.transferMs(tokens, this.progress.backend[request]!)
    this.loop.schedule(this.clock.nowMs + durationMs, request)
  }

  private route(request: number, view: LiveClusterView): RoutingDecision {
    this.rankedSource?.refresh()
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

  private dispatch(request: number, decision: RoutingDecision): void {
    if (decision?.kind === 'backend') this.send(request, decision, decision)
    else if (decision?.kind === 'disaggregate')
      this.send(request, decision.prefill, decision.decode)
    else if (decision?.kind === 'reject') this.reject(request, decision.reason)
    else throw invalidDecision(this.router.name, request, decision)
  }

  private send(request: number, prefill: BackendView, decode: BackendView): void {
    const { progress } = this
    if (this.views[prefill.id] !== prefill || this.views[decode.id] !== decode) {
      const found = { prefill: prefill.id, decode: decode.id }
      throw invalidDecision(this.router.name, request, found)
    }
    for (const backend of this.models === undefined ? [] : [prefill, decode]) {
      if (!this.models!.serves(backend, request))
        throw wrongModel(this.router.name, this.requests, request, backend)
    }
    if (prefill !== decode) this.handOver.checkPair(this.router.name, prefill, decode)
    const { ranks } = this
    const rank = ranks?.leastOutstanding(prefill.id, this.loads) ?? prefill.id
    // Which rank decodes is chosen when the prompt is computed.
    const decoding = prefill === decode ? rank : (ranks?.firstRank(decode.id) ?? decode.id)
    if (this.visibleLoads.waiting[prefill.id]! >= prefill.maxQueueDepth) {
      this.reject(request, 'queue_full')
    } else if (!this.canEverFit(request, rank, decoding)) {
      this.reject(request, 'exceeds_kv_cache')
    } else {
      progress.prefillBackend[request] = rank
      progress.backend[request] = decoding
      this.fleet.accept(rank, request)
      this.rankedSource?.refresh()
      this.router.onDispatched?.(this.cursor.at(request), prefill, this.cluster)
      const frontEndMs = this.frontEndMs[rank]!
      if (frontEndMs === 0) this.enqueue(request)
      else this.loop.schedule(this.clock.nowMs + frontEndMs, this.requests.size + request)
    }
  }

  /** A request is through the front end of its backend. */
  private enqueue(request: number): void {
    const backend = this.progress.prefillBackend[request]!
    this.fleet.enqueue(backend, request)
    this.touch(backend)
  }

  private canEverFit(request: number, prefill: number, decode: number): boolean {
    const promptTokens = this.requests.promptTokens[request]!
    // The KV of the last output token is never needed.
    const allTokens = promptTokens + Math.max(1, this.requests.outputTokens[request]!) - 1
    if (!this.kv.canEverFit(decode, allTokens)) return false
    const share = this.reservedShare[decode]!
    if (share > 0 && !this.kv.canEverFit(decode, reservedTokens(this.requests, request, share)))
      return false
    return prefill === decode || this.kv.canEverFit(prefill, promptTokens)
  }

  private reject(request: number, reason: string): void {
    let index = this.rejectReasons.indexOf(reason)
    if (index < 0) index = this.rejectReasons.push(reason) - 1
    this.progress.rejectReason[request] = index
    this.end(request, OUTCOME.rejected)
  }

  private end(request: number, outcome: number): void {
    this.progress.outcome[request] = outcome
    this.ended++
    this.endMs = this.clock.nowMs
  }

  private completeTransfer(request: number): void {
    const { progress } = this
    const prefill = progress.prefillBackend[request]!
    const decode = progress.backend[request]!
    this.fleet.releaseHandedOver(prefill, request)
    this.fleet.transferCompleted(decode, request)
    this.touch(prefill)
    this.touch(decode)
  }

  /** Lets a backend schedule at the end of this instant, or after the step that is under way. */
  private touch(id: number): void {
    const { fleet, loop } = this
    const dueMs = fleet.endMs(id)
    if (Number.isNaN(dueMs)) {
      loop.settleLater(id)
      return
    }
    fleet.interrupt(id)
    const endMs = fleet.endMs(id)
    if (endMs < dueMs) loop.setAlarm(id, endMs)
  }

  /**
   * Backends that both prefill and decode can wait for each other: every block of each is held for a
   * request that the other has no room for. Then the newest such request gives up its blocks and is
   * recomputed where it decodes.
   * @returns false when this is not what stopped the run
   */
  private resolveDeadlock(): boolean {
    const request = this.handOver.giveUpNewest()
    if (request < 0) return false
    const prefill = this.progress.prefillBackend[request]!
    this.fleet.releaseHandedOver(prefill, request)
    for (let id = 0; id < this.loads.waiting.length; id++) this.touch(id)
    return true
  }
}

function isBulk(kv: KvCache): kv is BulkKvCache {
  return 'take' in kv
}
