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
import type { BulkKvCache, KvCache, RenewableKvCache } from '../kv-cache/kv-cache.js'
import { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import { RequestWindow, type RowKeeper } from '../requests/request-window.js'
import type { BackendView } from '../routing/cluster-view.js'
import { LiveBackendView, LiveClusterView, RequestCursor } from '../routing/live-views.js'
import { ModelViews } from '../routing/model-views.js'
import type { RoutingAlgorithm, RoutingDecision } from '../routing/routing-algorithm.js'
import { checkAllEnded, checkConservation, checkEnded, checkIdle } from './check-conservation.js'
import { checkOptions } from './check-options.js'
import { Client } from './client.js'
import { invalidDecision, wrongModel } from './decision-errors.js'
import { FollowUps } from './follow-ups.js'
import { HandOver } from './hand-over.js'
import { MeasuredTotals } from './measured-totals.js'
import { type RankedSource, RankTable } from './rank-table.js'
import { OUTCOME, type RunResult, type RunTotals } from './run-result.js'
import type { SimulationOptions } from './simulation-options.js'
import { TokenGaps } from './token-gaps.js'

/**
 * What happens in a run: requests arrive and are routed, backends step, KV caches travel. The public
 * face is {@link Simulation}.
 */
export class Engine implements FleetListener, EventHandler, RowKeeper {
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
  private readonly measured: MeasuredTotals
  private readonly window: RequestWindow | undefined
  private readonly rejectReasons: string[] = []
  private readonly client: Client
  private readonly followUps: FollowUps | undefined
  private ended = 0
  private endMs = 0
  private isDone = false
  private isMeasuring = false
  private measuredFromMs = 0

  constructor(options: SimulationOptions) {
    checkOptions(options)
    const { cluster, router, seed, warmupRequests = 0 } = options
    this.options = options
    this.window = windowOf(options)
    this.requests = this.window?.table ?? (options.requests as RequestTable)
    const { requests } = this
    this.router = router
    const { backends } = cluster
    this.ranks = backends.some(({ dp = 1 }) => dp > 1) ? new RankTable(backends) : undefined
    const specs = this.ranks?.specs ?? backends
    const entryTimes = this.window?.entryTimes ?? requests.arrivalMs
    this.loop = new EventLoop(specs.length, entryTimes)
    this.kv = cluster.kvCache(
      requests,
      specs.map(({ kv }) => kv),
    )
    if (this.window !== undefined && !isRenewable(this.kv)) throw notRenewable()
    this.progress = new RequestProgress(
      requests.size,
      specs.some(({ preemption }) => preemption === 'swap'),
    )
    this.loads = new BackendLoads(Float64Array.from(specs, ({ maxQueueDepth }) => maxQueueDepth))
    this.clock = this.loop.clock
    const recorder = options.recorder ?? {}
    this.gaps = new TokenGaps(recorder)
    const context: FleetContext = {
      clock: this.clock,
      endMs: this.loop.alarmMs,
      specs,
      requests,
      progress: this.progress,
      kv: this.kv,
      loads: this.loads,
      listener: this,
      recorder: this.ranks?.recorder(recorder) ?? recorder,
      gaps: this.gaps,
      measuredFrom: warmupRequests,
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
    this.client = new Client(requests, this.clock, options.maxInFlight)
    this.followUps = this.window === undefined ? FollowUps.of(requests) : undefined
    this.cursor = new RequestCursor(requests, this.client.sentMs)
    this.frontEndMs = Float64Array.from(specs, ({ frontEndMs = 0 }) => frontEndMs)
    this.reservedShare = Float64Array.from(specs, reservedShare)
    this.handOver = new HandOver(specs, cluster.kvTransfer, this.progress)
    this.measured = new MeasuredTotals(specs, this.fleet, this.kv)
    if (this.window !== undefined) {
      this.window.refill(this)
      this.loop.restartEntries()
    }
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
    if (this.ended < this.options.requests.size && this.resolveDeadlock()) return false
    if (!this.isDone) {
      this.checkConservation()
      this.isDone = true
    }
    return true
  }

  /**
   * What the run has left behind so far.
   * @throws RouteSimError `no_rows` when its requests came from a source
   */
  result(): RunResult {
    if (this.window === undefined) {
      const { ranks, requests, progress } = this
      const { sentMs } = this.client
      const outcomes =
        ranks === undefined
          ? progress
          : {
              ...progress,
              backend: ranks.backendsOf(progress.backend),
              prefillBackend: ranks.backendsOf(progress.prefillBackend),
            }
      return { ...this.totals(), requests, sentMs, outcomes }
    }
    throw new RouteSimError('a run whose requests come from a source keeps no row of them', {
      code: 'no_rows',
      hint: 'Ask for totals(), and give the run a recorder with requestEnded.',
    })
  }

  /** The same without the requests. */
  totals(): RunTotals {
    const { router, options } = this
    return {
      router: router.name,
      visibility: 'exact',
      seed: options.seed,
      requestCount: options.requests.size,
      rejectReasons: this.rejectReasons,
      warmupRequests: options.warmupRequests ?? 0,
      measuredFromMs: this.measuredFromMs,
      endMs: this.endMs,
      complete: this.isDone,
      backends: this.ranks?.merge(this.measured.sinceStart()) ?? this.measured.sinceStart(),
      customMetrics: router.customMetrics?.() ?? {},
    }
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    this.fleet.completeStep(backend)
    this.loop.settleLater(backend)
  }

  /**
   * The KV cache of a request has reached its decode backend, a request has left a front end, the
   * client sends one that it held, or one comes whose predecessor has ended.
   */
  event(subject: number): void {
    const { size } = this.options.requests
    if (subject < size) this.completeTransfer(this.requestOf(subject))
    else if (subject < 2 * size) this.enqueue(this.requestOf(subject - size))
    else if (subject < 3 * size) {
      this.client.send(subject - 2 * size)
      this.submitFirst(subject - 2 * size)
    } else if (this.client.sendOrHold(subject - 3 * size)) this.submitFirst(subject - 3 * size)
  }

  /** What an event calls a request: less than the number of all requests. */
  private ticketOf(request: number): number {
    return this.window?.ticketOf(request) ?? request
  }

  private requestOf(ticket: number): number {
    return this.window?.redeem(ticket) ?? ticket
  }

  /** A request arrives. */
  enter(entry: number): void {
    const { window } = this
    const request = window === undefined ? entry : window.rowOf(entry)
    // One that waits for another comes after that has ended.
    if (this.followUps?.has(request) === true) return
    if (this.client.sendOrHold(request)) this.submitFirst(request)
    if (window?.isLastEntry(entry)) {
      window.refill(this)
      this.loop.restartEntries()
    }
  }

  /** Whether the KV caches keep nothing that only the request of a row would ask for. */
  isForgotten(row: number): boolean {
    return (this.kv as RenewableKvCache).isForgotten(row)
  }

  /** A row of the window has another request. */
  renew(row: number): void {
    this.progress.reset(row)
    ;(this.kv as RenewableKvCache).renew(row)
  }

  /** A backend may start a step. */
  settle(id: number): void {
    const { fleet, loop } = this
    if (this.ranks?.isInLockstep(id) === true) {
      this.settleTogether(this.ranks, id)
      return
    }
    fleet.startStep(id)
    if (loop.alarmMs[id]! < Number.POSITIVE_INFINITY) loop.alarmChanged(id)
  }

  /** Starts a step on all ranks of a backend, once none is in one. */
  private settleTogether(ranks: RankTable, id: number): void {
    const { fleet, loop } = this
    const backend = ranks.backendOf(id)
    const from = ranks.firstRank(backend)
    const to = ranks.firstRank(backend + 1)
    const { alarmMs } = loop
    for (let rank = from; rank < to; rank++) if (alarmMs[rank]! < Number.POSITIVE_INFINITY) return
    let endMs = 0
    for (let rank = from; rank < to; rank++) {
      fleet.startStep(rank)
      if (alarmMs[rank]! < Number.POSITIVE_INFINITY) endMs = Math.max(endMs, alarmMs[rank]!)
    }
    for (let rank = from; rank < to; rank++) {
      if (alarmMs[rank] === Number.POSITIVE_INFINITY) continue
      fleet.prolong(rank, endMs)
      loop.alarmChanged(rank)
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
    this.loop.schedule(this.clock.nowMs + durationMs, this.ticketOf(request))
  }

  /** The client has sent a request. */
  private submitFirst(request: number): void {
    if (!this.isMeasuring) this.measureFrom(request)
    this.submit(request)
  }

  private submit(request: number): void {
    const view = this.models === undefined ? this.cluster : this.models.of(request)
    if (view === undefined) this.reject(request, 'model_not_served')
    else this.dispatch(request, this.route(request, view))
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
      else {
        const subject = this.options.requests.size + this.ticketOf(request)
        this.loop.schedule(this.clock.nowMs + frontEndMs, subject)
      }
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
    this.progress.rejectReason[request] = this.reasonId(reason)
    this.end(request, OUTCOME.rejected)
  }

  private reasonId(reason: string): number {
    const index = this.rejectReasons.indexOf(reason)
    return index < 0 ? this.rejectReasons.push(reason) - 1 : index
  }

  private end(request: number, outcome: number): void {
    const { progress, requests, window } = this
    progress.outcome[request] = outcome
    this.ended++
    this.endMs = this.clock.nowMs
    const held = this.client.ended()
    if (window === undefined) {
      // Later in this instant, as a step is just ending.
      if (held >= 0) this.loop.schedule(this.clock.nowMs, 2 * requests.size + held)
      if (this.followUps !== undefined) this.followUp(this.followUps, request, outcome)
      return
    }
    checkEnded(request, requests, progress)
    if (this.ranks !== undefined && outcome === OUTCOME.completed) {
      progress.backend[request] = this.ranks.backendOf(progress.backend[request]!)
      progress.prefillBackend[request] = this.ranks.backendOf(progress.prefillBackend[request]!)
    }
    if (request >= (this.options.warmupRequests ?? 0)) {
      this.options.recorder?.requestEnded?.(request, requests, progress)
    }
    window.give(request)
  }

  /** What waits for a request comes in time, or never when that was refused. */
  private followUp(followUps: FollowUps, request: number, outcome: number): void {
    const { clock, loop, progress, requests } = this
    if (outcome === OUTCOME.completed) {
      for (let row = followUps.firstOf(request); row >= 0; row = followUps.after(row)) {
        loop.schedule(followUps.dueMs(row, clock.nowMs), 3 * requests.size + row)
      }
      return
    }
    for (const row of followUps.allOf(request)) {
      progress.rejectReason[row] = this.reasonId('predecessor_rejected')
      progress.outcome[row] = outcome
      this.ended++
    }
  }

  /** Measuring starts with the first request sent that is no warm-up. */
  private measureFrom(request: number): void {
    this.measuredFromMs = this.client.sentMs[request]!
    if (request < (this.options.warmupRequests ?? 0)) return
    this.isMeasuring = true
    this.measured.start()
  }

  private checkConservation(): void {
    if (this.window === undefined) {
      checkConservation(this.requests, this.progress, this.loads, this.kv)
      return
    }
    checkAllEnded(this.ended, this.window.requests)
    checkIdle(this.loads, this.kv)
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
    const dueMs = loop.alarmMs[id]!
    if (dueMs === Number.POSITIVE_INFINITY) {
      loop.settleLater(id)
      return
    }
    fleet.interrupt(id)
    if (loop.alarmMs[id]! < dueMs) loop.alarmChanged(id)
  }

  /**
   * Backends that both prefill and decode can wait for each other: every block of each is held for a
   * request that the other has no room for. Then the newest such request gives up its blocks and is
   * recomputed where it decodes.
   * @returns false when this is not what stopped the run
   */
  private resolveDeadlock(): boolean {
    const { isHandedOver } = this.progress
    const request = this.window?.newestOf(isHandedOver) ?? isHandedOver.lastIndexOf(1)
    if (request < 0) return false
    this.handOver.giveUp(request)
    const prefill = this.progress.prefillBackend[request]!
    this.fleet.releaseHandedOver(prefill, request)
    for (let id = 0; id < this.loads.waiting.length; id++) this.touch(id)
    return true
  }
}

function isRenewable(kv: KvCache): kv is RenewableKvCache {
  return 'renew' in kv
}

function notRenewable(): RouteSimError {
  return new RouteSimError(
    'requests: expected a table, as these KV caches can not give a row to another request; got a source',
    { code: 'options_invalid', path: 'requests', hint: 'Use radixKvCache().' },
  )
}

function isBulk(kv: KvCache): kv is BulkKvCache {
  return 'take' in kv
}

/** Requests that a run without per-request results has under way at most, however large its queues. */
const MOST_UNDER_WAY = 2 ** 18

/** Rows for the requests of a source: as many as queues and batches of the fleet have room for. */
function windowOf({
  cluster,
  requests,
  warmupRequests = 0,
}: SimulationOptions): RequestWindow | undefined {
  if (!('next' in requests)) return undefined
  const room = cluster.backends.reduce(
    (sum, b) => sum + b.maxQueueDepth + b.maxNumSeqs * (b.dp ?? 1),
    0,
  )
  return new RequestWindow(requests, Math.min(room, MOST_UNDER_WAY), warmupRequests)
}
