import type { FleetListener } from '../backend/fleet.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { EventHandler } from '../kernel/event-loop.js'
import type { RenewableKvCache } from '../kv-cache/kv-cache.js'
import type { RowKeeper } from '../requests/request-window.js'
import { checkAllEnded, checkConservation, checkEnded, checkIdle } from './check-conservation.js'
import { checkOptions } from './check-options.js'
import { Client } from './client.js'
import { Dispatcher, type RejectionListener } from './dispatcher.js'
import { Sampling } from './load-sampler.js'
import { Machinery } from './machinery.js'
import { MeasuredTotals } from './measured-totals.js'
import { RouterDesk } from './router-desk.js'
import { OUTCOME, type RunResult, type RunTotals } from './run-result.js'
import type { SimulationOptions } from './simulation-options.js'

/**
 * What happens in a run: requests arrive and are routed, backends step, KV caches travel. The public
 * face is {@link Simulation}.
 */
export class Engine implements FleetListener, EventHandler, RowKeeper, RejectionListener {
  private readonly options: SimulationOptions
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly dispatcher: Dispatcher
  private readonly measured: MeasuredTotals
  private readonly client: Client
  private readonly sampling: Sampling | undefined
  private readonly rejectReasons: string[] = []
  private ended = 0
  private endMs = 0
  private isDone = false
  private isMeasuring = false
  private measuredFromMs = 0

  constructor(options: SimulationOptions) {
    checkOptions(options)
    this.options = options
    this.machinery = new Machinery(options, this)
    const { machinery } = this
    this.desk = new RouterDesk(options, machinery)
    this.dispatcher = new Dispatcher(options, machinery, this.desk, this)
    this.measured = new MeasuredTotals(machinery.specs, machinery.fleet, machinery.kv)
    this.client = new Client(machinery.requests, machinery.clock, options.maxInFlight)
    const { sampler } = options
    this.sampling = sampler && new Sampling(sampler, machinery)
    if (machinery.window !== undefined) {
      machinery.window.refill(this)
      machinery.loop.restartEntries()
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
    const { loop } = this.machinery
    const isQuiet = this.sampling?.run(this, maxEvents) ?? loop.run(this, maxEvents)
    this.machinery.gaps.flush()
    if (!isQuiet) return false
    if (this.ended < this.options.requests.size && this.dispatcher.resolveDeadlock()) return false
    if (!this.isDone) {
      this.sampling?.finish()
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
    const { window, ranks, requests, progress } = this.machinery
    if (window === undefined) {
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
    const { options } = this
    const { router } = this.desk
    const backends = this.measured.sinceStart()
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
      backends: this.machinery.ranks?.merge(backends) ?? backends,
      customMetrics: router.customMetrics?.() ?? {},
    }
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    const { machinery } = this
    machinery.fleet.completeStep(backend)
    machinery.loop.settleLater(backend)
  }

  /**
   * The KV cache of a request has reached its decode backend, a request has left a front end, or the
   * client sends one that it held.
   */
  event(subject: number): void {
    const { machinery, dispatcher } = this
    const { size } = this.options.requests
    if (subject < size) dispatcher.transferCompleted(machinery.requestOf(subject))
    else if (subject < 2 * size) dispatcher.enqueue(machinery.requestOf(subject - size))
    else {
      this.client.send(subject - 2 * size)
      this.submit(subject - 2 * size)
    }
  }

  /** A request arrives. */
  enter(entry: number): void {
    const { window, loop } = this.machinery
    const request = window === undefined ? entry : window.rowOf(entry)
    if (!this.isMeasuring) this.measureFrom(request)
    if (this.client.sendOrHold(request)) this.submit(request)
    if (window?.isLastEntry(entry)) {
      window.refill(this)
      loop.restartEntries()
    }
  }

  /** A backend may start a step. */
  settle(id: number): void {
    this.machinery.settle(id)
  }

  /** Whether the KV caches keep nothing that only the request of a row would ask for. */
  isForgotten(row: number): boolean {
    return (this.machinery.kv as RenewableKvCache).isForgotten(row)
  }

  /** A row of the window has another request. */
  renew(row: number): void {
    this.machinery.progress.reset(row)
    ;(this.machinery.kv as RenewableKvCache).renew(row)
  }

  firstTokenProduced(request: number, backend: number): void {
    this.desk.firstTokenProduced(request, backend)
  }

  requestFinished(request: number, backend: number): void {
    const { progress, clock } = this.machinery
    progress.finishedMs[request] = clock.nowMs
    progress.backend[request] = backend
    this.end(request, OUTCOME.completed)
    this.desk.finished(request, backend)
  }

  prefillFinished(request: number): void {
    this.dispatcher.prefillFinished(request)
  }

  transferStarted(request: number, tokens: number): void {
    this.dispatcher.transferStarted(request, tokens)
  }

  requestRejected(request: number, reason: string): void {
    let index = this.rejectReasons.indexOf(reason)
    if (index < 0) index = this.rejectReasons.push(reason) - 1
    this.machinery.progress.rejectReason[request] = index
    this.end(request, OUTCOME.rejected)
  }

  private submit(request: number): void {
    this.dispatcher.dispatch(request, this.desk.route(request))
  }

  private end(request: number, outcome: number): void {
    const { progress, requests, window, ranks, loop, clock } = this.machinery
    progress.outcome[request] = outcome
    this.ended++
    this.endMs = clock.nowMs
    const held = this.client.ended()
    if (window === undefined) {
      // Later in this instant, as a step is just ending.
      if (held >= 0) loop.schedule(clock.nowMs, 2 * requests.size + held)
      return
    }
    checkEnded(request, requests, progress)
    if (ranks !== undefined && outcome === OUTCOME.completed) {
      progress.backend[request] = ranks.backendOf(progress.backend[request]!)
      progress.prefillBackend[request] = ranks.backendOf(progress.prefillBackend[request]!)
    }
    if (request >= (this.options.warmupRequests ?? 0)) {
      this.options.recorder?.requestEnded?.(request, requests, progress)
    }
    window.give(request)
  }

  /** Measuring starts with the first request that is no warm-up. */
  private measureFrom(request: number): void {
    this.measuredFromMs = this.machinery.requests.arrivalMs[request]!
    if (request !== (this.options.warmupRequests ?? 0)) return
    this.isMeasuring = true
    this.measured.start()
  }

  private checkConservation(): void {
    const { window, requests, progress, loads, kv } = this.machinery
    if (window === undefined) {
      checkConservation(requests, progress, loads, kv)
      return
    }
    checkAllEnded(this.ended, window.requests)
    checkIdle(loads, kv)
  }
}
