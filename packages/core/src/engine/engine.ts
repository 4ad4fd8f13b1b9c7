import type { Backend, BackendListener } from '../backend/backend.js'
import { BackendLoads } from '../backend/backend-loads.js'
import { FastBackend } from '../backend/fast-backend.js'
import { ReferenceBackend } from '../backend/reference-backend.js'
import { RouteSimError } from '../errors/routesim-error.js'
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

/**
 * What happens in a run: requests arrive and are routed, backends step, KV caches travel. The public
 * face is {@link Simulation}.
 */
export class Engine implements BackendListener, EventHandler, RowKeeper {
  private readonly options: SimulationOptions
  private readonly requests: RequestTable
  private readonly router: RoutingAlgorithm
  private readonly loop: EventLoop
  private readonly kv: KvCache
  private readonly progress: RequestProgress
  private readonly loads: BackendLoads
  private readonly backends: readonly Backend[]
  private readonly views: readonly BackendView[]
  private readonly cluster: LiveClusterView
  private readonly cursor: RequestCursor
  private readonly handOver: HandOver
  private readonly measured: MeasuredTotals
  private readonly window: RequestWindow | undefined
  private readonly rejectReasons: string[] = []
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
    this.loads = new BackendLoads(cluster.backends.length)
    const context = {
      requests,
      progress: this.progress,
      kv: this.kv,
      loads: this.loads,
      listener: this,
      recorder: options.recorder ?? {},
      measuredFrom: warmupRequests,
    }
    const { kv } = this
    this.backends = cluster.backends.map((spec, id) =>
      isBulk(kv) ? new FastBackend(id, spec, context, kv) : new ReferenceBackend(id, spec, context),
    )
    this.views = this.backends.map(
      (backend) => new LiveBackendView(backend, this.loads, kv, this.loop),
    )
    this.cluster = new LiveClusterView(
      this.views,
      this.backends,
      this.loop,
      kv,
      new RandomStream(seed, 'router'),
      new Int32Array(this.backends.length),
    )
    this.cursor = new RequestCursor(requests)
    this.handOver = new HandOver(cluster.kvTransfer, this.progress)
    this.measured = new MeasuredTotals(this.backends, this.kv)
    this.window?.refill(this)
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
    if (!this.loop.run(this, maxEvents)) return false
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
      return { ...this.totals(), requests: this.requests, outcomes: this.progress }
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
      backends: this.measured.since(this.loop.nowMs),
      customMetrics: router.customMetrics?.() ?? {},
    }
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    this.backends[backend]!.completeStep(this.loop.nowMs)
    this.loop.settleLater(backend)
  }

  /** The KV cache of a request has reached its decode backend. */
  event(subject: number): void {
    this.completeTransfer(this.window?.redeem(subject) ?? subject)
  }

  /** A request arrives. */
  enter(entry: number): void {
    const { window } = this
    const request = window === undefined ? entry : window.rowOf(entry)
    if (!this.isMeasuring) this.measureFrom(request)
    this.dispatch(request, this.route(request))
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
    const backend = this.backends[id]!
    backend.startStep(this.loop.nowMs)
    if (!Number.isNaN(backend.endMs)) this.loop.setAlarm(id, backend.endMs)
  }

  firstTokenProduced(request: number, backend: number): void {
    this.router.onFirstToken?.(this.cursor.at(request), this.views[backend]!, this.cluster)
  }

  requestFinished(request: number, backend: number): void {
    this.progress.finishedMs[request] = this.loop.nowMs
    this.progress.backend[request] = backend
    this.end(request, OUTCOME.completed)
    this.router.onFinished?.(this.cursor.at(request), this.views[backend]!, this.cluster)
  }

  prefillFinished(request: number): void {
    this.progress.isHandedOver[request] = 1
    const decode = this.progress.backend[request]!
    this.backends[decode]!.enqueueHandedOver(request, this.loop.nowMs)
    this.touch(decode)
  }

  transferStarted(request: number, tokens: number): void {
    const durationMs = this.handOver.transferMs(tokens)
    this.loop.schedule(this.loop.nowMs + durationMs, this.window?.ticketOf(request) ?? request)
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
    const backend = this.backends[prefill.id]!
    if (this.loads.waiting[prefill.id]! >= backend.spec.maxQueueDepth) {
      this.reject(request, 'queue_full')
    } else if (!this.canEverFit(request, prefill.id, decode.id)) {
      this.reject(request, 'exceeds_kv_cache')
    } else {
      progress.prefillBackend[request] = prefill.id
      progress.backend[request] = decode.id
      backend.enqueue(request, this.loop.nowMs)
      this.router.onDispatched?.(this.cursor.at(request), prefill, this.cluster)
      this.touch(prefill.id)
    }
  }

  private canEverFit(request: number, prefill: number, decode: number): boolean {
    const promptTokens = this.requests.promptTokens[request]!
    // The KV of the last output token is never needed.
    const allTokens = promptTokens + Math.max(1, this.requests.outputTokens[request]!) - 1
    return this.kv.canEverFit(prefill, promptTokens) && this.kv.canEverFit(decode, allTokens)
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
    this.endMs = this.loop.nowMs
    if (window === undefined) return
    checkEnded(request, requests, progress)
    if (request >= (this.options.warmupRequests ?? 0)) {
      this.options.recorder?.requestEnded?.(request, requests, progress)
    }
    window.give(request)
  }

  /** Measuring starts with the first request that is no warm-up. */
  private measureFrom(request: number): void {
    this.measuredFromMs = this.requests.arrivalMs[request]!
    if (request !== (this.options.warmupRequests ?? 0)) return
    this.isMeasuring = true
    this.measured.startAt(this.loop.nowMs)
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
    const { progress, loop } = this
    const prefill = progress.prefillBackend[request]!
    const decode = progress.backend[request]!
    this.backends[prefill]!.releaseHandedOver(request, loop.nowMs)
    this.backends[decode]!.transferCompleted(request, loop.nowMs)
    this.touch(prefill)
    this.touch(decode)
  }

  /** Lets a backend schedule at the end of this instant, or after the step that is under way. */
  private touch(id: number): void {
    const backend = this.backends[id]!
    const dueMs = backend.endMs
    if (Number.isNaN(dueMs)) {
      this.loop.settleLater(id)
      return
    }
    backend.interrupt(this.loop.nowMs)
    if (backend.endMs < dueMs) this.loop.setAlarm(id, backend.endMs)
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
    this.backends[prefill]!.releaseHandedOver(request, this.loop.nowMs)
    for (const backend of this.backends) this.touch(backend.id)
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
