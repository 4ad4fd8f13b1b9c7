import { BackendLoads } from '../backend/backend-loads.js'
import { FastFleet } from '../backend/fast-fleet.js'
import type { Fleet, FleetContext, FleetListener } from '../backend/fleet.js'
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
import type { RoutingAlgorithm, RoutingDecision } from '../routing/routing-algorithm.js'
import { checkAllEnded, checkConservation, checkEnded, checkIdle } from './check-conservation.js'
import { checkOptions } from './check-options.js'
import { HandOver } from './hand-over.js'
import { MeasuredTotals } from './measured-totals.js'
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
  private readonly fleet: Fleet
  private readonly views: readonly BackendView[]
  private readonly cluster: LiveClusterView
  private readonly cursor: RequestCursor
  private readonly handOver: HandOver
  private readonly measured: MeasuredTotals
  private readonly window: RequestWindow | undefined
  private readonly rejectReasons: string[] = []
  private readonly maxInFlight: number
  private readonly sentMs: Float64Array
  /** Requests that have arrived and wait at the client, from `nextHeld` on. */
  private readonly held: number[] = []
  private nextHeld = 0
  private inFlight = 0
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
    const entryTimes = this.window?.entryTimes ?? requests.arrivalMs
    this.loop = new EventLoop(cluster.backends.length, entryTimes)
    this.kv = cluster.kvCache(
      requests,
      cluster.backends.map((backend) => backend.kv),
    )
    if (this.window !== undefined && !isRenewable(this.kv)) throw notRenewable()
    this.progress = new RequestProgress(requests.size)
    this.loads = new BackendLoads(
      Float64Array.from(cluster.backends, ({ maxQueueDepth }) => maxQueueDepth),
    )
    this.clock = this.loop.clock
    const recorder = options.recorder ?? {}
    this.gaps = new TokenGaps(recorder)
    const context: FleetContext = {
      clock: this.clock,
      endMs: this.loop.alarmMs,
      specs: cluster.backends,
      requests,
      progress: this.progress,
      kv: this.kv,
      loads: this.loads,
      listener: this,
      recorder,
      gaps: this.gaps,
      measuredFrom: warmupRequests,
    }
    const { kv } = this
    this.fleet = isBulk(kv) ? new FastFleet(context, kv) : new ReferenceFleet(context)
    const source = { fleet: this.fleet, loads: this.loads, kv, clock: this.clock }
    this.views = cluster.backends.map((spec, id) => new LiveBackendView(id, spec, source))
    this.cluster = new LiveClusterView(
      this.views,
      source,
      new RandomStream(seed, 'router'),
      new Int32Array(this.views.length),
    )
    this.cursor = new RequestCursor(requests)
    this.handOver = new HandOver(cluster.kvTransfer, this.progress)
    this.measured = new MeasuredTotals(cluster.backends, this.fleet, this.kv)
    this.maxInFlight = options.maxInFlight ?? Number.POSITIVE_INFINITY
    this.sentMs =
      options.maxInFlight === undefined ? requests.arrivalMs : new Float64Array(requests.size)
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
      const { requests, sentMs, progress: outcomes } = this
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
      backends: this.measured.sinceStart(),
      customMetrics: router.customMetrics?.() ?? {},
    }
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    this.fleet.completeStep(backend)
    this.loop.settleLater(backend)
  }

  /** The KV cache of a request has reached its decode backend, or the client sends a held request. */
  event(subject: number): void {
    const { size } = this.requests
    if (this.window !== undefined) this.completeTransfer(this.window.redeem(subject))
    else if (subject < size) this.completeTransfer(subject)
    else this.submit(subject - size)
  }

  /** A request arrives. */
  enter(entry: number): void {
    const { window } = this
    const request = window === undefined ? entry : window.rowOf(entry)
    if (!this.isMeasuring) this.measureFrom(request)
    if (this.inFlight < this.maxInFlight) this.submit(request)
    else this.held.push(request)
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
    fleet.startStep(id)
    if (loop.alarmMs[id]! < Number.POSITIVE_INFINITY) loop.alarmChanged(id)
  }

  firstTokenProduced(request: number, backend: number): void {
    this.router.onFirstToken?.(this.cursor.at(request), this.views[backend]!, this.cluster)
  }

  requestFinished(request: number, backend: number): void {
    this.progress.finishedMs[request] = this.clock.nowMs
    this.progress.backend[request] = backend
    this.end(request, OUTCOME.completed)
    this.router.onFinished?.(this.cursor.at(request), this.views[backend]!, this.cluster)
  }

  prefillFinished(request: number): void {
    this.progress.isHandedOver[request] = 1
    const decode = this.progress.backend[request]!
    this.fleet.enqueueHandedOver(decode, request)
    this.touch(decode)
  }

  transferStarted(request: number, tokens: number): void {
    const durationMs = this.handOver.transferMs(tokens)
    this.loop.schedule(this.clock.nowMs + durationMs, this.window?.ticketOf(request) ?? request)
  }

  private submit(request: number): void {
    this.inFlight++
    if (this.maxInFlight !== Number.POSITIVE_INFINITY) this.sentMs[request] = this.clock.nowMs
    this.dispatch(request, this.route(request))
  }

  private route(request: number): RoutingDecision {
    try {
      return this.router.route(this.cursor.at(request), this.cluster)
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
    else throw this.invalidDecision(request, decision)
  }

  private send(request: number, prefill: BackendView, decode: BackendView): void {
    const { progress } = this
    if (this.views[prefill.id] !== prefill || this.views[decode.id] !== decode) {
      throw this.invalidDecision(request, { prefill: prefill.id, decode: decode.id })
    }
    if (prefill !== decode) this.handOver.checkPair(this.router.name, prefill, decode)
    if (this.loads.waiting[prefill.id]! >= prefill.maxQueueDepth) {
      this.reject(request, 'queue_full')
    } else if (!this.canEverFit(request, prefill.id, decode.id)) {
      this.reject(request, 'exceeds_kv_cache')
    } else {
      progress.prefillBackend[request] = prefill.id
      progress.backend[request] = decode.id
      this.fleet.enqueue(prefill.id, request)
      this.router.onDispatched?.(this.cursor.at(request), prefill, this.cluster)
      this.touch(prefill.id)
    }
  }

  private canEverFit(request: number, prefill: number, decode: number): boolean {
    const promptTokens = this.requests.promptTokens[request]!
    // The KV of the last output token is never needed.
    const allTokens = promptTokens + Math.max(1, this.requests.outputTokens[request]!) - 1
    if (!this.kv.canEverFit(decode, allTokens)) return false
    return prefill === decode || this.kv.canEverFit(prefill, promptTokens)
  }

  private reject(request: number, reason: string): void {
    let index = this.rejectReasons.indexOf(reason)
    if (index < 0) index = this.rejectReasons.push(reason) - 1
    this.progress.rejectReason[request] = index
    this.end(request, OUTCOME.rejected)
  }

  private end(request: number, outcome: number): void {
    const { progress, requests, window } = this
    progress.outcome[request] = outcome
    this.ended++
    this.endMs = this.clock.nowMs
    this.inFlight--
    if (window === undefined) {
      this.sendNext()
      return
    }
    checkEnded(request, requests, progress)
    if (request >= (this.options.warmupRequests ?? 0)) {
      this.options.recorder?.requestEnded?.(request, requests, progress)
    }
    window.give(request)
  }

  /** Sends the next request that the client holds; later in this instant, as a step is just ending. */
  private sendNext(): void {
    if (this.nextHeld === this.held.length) return
    this.loop.schedule(this.clock.nowMs, this.requests.size + this.held[this.nextHeld++]!)
  }

  /** Measuring starts with the first request that is no warm-up. */
  private measureFrom(request: number): void {
    this.measuredFromMs = this.requests.arrivalMs[request]!
    if (request !== (this.options.warmupRequests ?? 0)) return
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
    for (let id = 0; id < this.views.length; id++) this.touch(id)
    return true
  }

  private invalidDecision(request: number, found: unknown): RouteSimError {
    return new RouteSimError(
      `router "${this.router.name}": request ${request}: expected a backend of the cluster, disaggregate(...) or reject(...), got ${shown(found)}`,
      {
        code: 'router_invalid_decision',
        hint:
          found instanceof Promise
            ? 'Decide at once: route() can not be async.'
            : 'Return one of cluster.backends from route().',
      },
    )
  }
}

/** A value as a message shows it. Not all values have a JSON form. */
function shown(found: unknown): string {
  if (found instanceof Promise) return 'a promise'
  if (typeof found === 'number' || typeof found === 'bigint') return String(found)
  try {
    return JSON.stringify(found) ?? String(found)
  } catch {
    return 'an object'
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
  const room = cluster.backends.reduce((sum, b) => sum + b.maxQueueDepth + b.maxNumSeqs, 0)
  return new RequestWindow(requests, Math.min(room, MOST_UNDER_WAY), warmupRequests)
}
