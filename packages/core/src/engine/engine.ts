import type { FleetListener } from '../backend/fleet.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { EventHandler } from '../kernel/event-loop.js'
import type { RenewableKvCache } from '../kv-cache/kv-cache.js'
import type { RowKeeper } from '../requests/request-window.js'
import { checkOptions } from './check-options.js'
import { Client } from './client.js'
import { type DecisionListener, Dispatcher } from './dispatcher.js'
import { Endings } from './endings.js'
import { checkedSubject } from './event-subjects.js'
import { BackendLife } from './failures/backend-life.js'
import { type LossListener, LostRequests } from './failures/lost-requests.js'
import { Migrations } from './failures/migrations.js'
import { RequestTimeouts } from './failures/request-timeouts.js'
import { FollowUps } from './follow-ups.js'
import { IdleWatch } from './idle-watch.js'
import { Machinery, mayMigrate } from './machinery.js'
import { Sampling } from './results/load-sampler.js'
import { MeasuredTotals } from './results/measured-totals.js'
import { outcomesOf } from './results/outcomes-of.js'
import {
  type BackendTotals,
  OUTCOME,
  type RunResult,
  type RunTotals,
} from './results/run-result.js'
import { invalidDecision } from './routers/decision-errors.js'
import { Holds } from './routers/holds.js'
import { type ProgressFeed, progressFeedFor } from './routers/progress-feed.js'
import { RouterDesk } from './routers/router-desk.js'
import type { SimulationOptions } from './simulation-options.js'

/**
 * What happens in a run: requests arrive and are routed, backends step, KV caches travel. The public
 * face is {@link Simulation}.
 */
export class Engine
  implements FleetListener, EventHandler, RowKeeper, DecisionListener, LossListener
{
  private readonly options: SimulationOptions
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly dispatcher: Dispatcher
  private readonly measured: MeasuredTotals
  private readonly client: Client
  private readonly followUps: FollowUps | undefined
  private readonly endings: Endings
  private readonly sampling: Sampling | undefined
  /** Only in a run in which backends fail, or requests take too long. */
  private readonly lost: LostRequests | undefined
  private readonly life: BackendLife | undefined
  private readonly migrations: Migrations | undefined
  private readonly progress: ProgressFeed | undefined
  private readonly idle: IdleWatch
  private readonly holds: Holds
  private readonly timeouts: RequestTimeouts | undefined
  /** Windows of which a request has been sent, but the first. */
  private windows = 0
  private isDone = false
  private isMeasuring = false
  private measuredFromMs = 0

  constructor(options: SimulationOptions) {
    checkOptions(options)
    this.options = options
    this.machinery = new Machinery(options, this)
    const { machinery } = this
    this.client = new Client(machinery.requests, machinery.clock, options.maxInFlight)
    this.followUps = machinery.window === undefined ? FollowUps.of(machinery.requests) : undefined
    this.endings = new Endings(options, machinery, this.client, this.followUps)
    this.desk = new RouterDesk(options, machinery, this.client.sentMs)
    this.dispatcher = new Dispatcher(machinery, this.desk, this)
    this.measured = new MeasuredTotals(machinery.specs, machinery.fleet, machinery.kv)
    const { sampler } = options
    this.sampling = sampler && new Sampling(sampler, machinery)
    const { fallible } = machinery
    if (fallible !== undefined) {
      const { desk } = this
      if (mayMigrate(options.router))
        this.migrations = new Migrations(machinery, fallible, desk, this.dispatcher)
      this.lost = new LostRequests(options, machinery, fallible, desk, this, this.migrations)
      this.life = new BackendLife(options, machinery, fallible, desk, this.lost)
      const { timeoutMs } = options
      if (timeoutMs !== undefined)
        this.timeouts = new RequestTimeouts(timeoutMs, machinery, this.lost)
    }
    if (machinery.window !== undefined) {
      machinery.window.refill(this)
      machinery.loop.restartEntries()
    }
    const { entryTimes = machinery.requests.arrivalMs } = machinery.window ?? {}
    this.desk.deliveries?.start(entryTimes[0] ?? 0)
    this.progress = progressFeedFor(machinery, this.desk)
    this.progress?.start(entryTimes[0] ?? 0)
    this.holds = new Holds(machinery, this.desk)
    this.idle = new IdleWatch(machinery, this.desk, this.holds, this.progress)
  }

  /** Requests that have ended so far. */
  get endedRequests(): number {
    return this.endings.count
  }

  /**
   * Handles at most `maxEvents` events.
   * @returns true when the run is over
   * @throws RouteSimError when a router, a latency model or the engine itself breaks its contract
   */
  run(maxEvents: number): boolean {
    const { loop } = this.machinery
    const isQuiet = this.sampling?.run(this, maxEvents) ?? loop.run(this, maxEvents)
    this.flushGaps()
    if (!isQuiet) return false
    if (this.endings.count < this.options.requests.size && this.rejectHeld()) return false
    if (!this.isDone) {
      this.sampling?.finish(this.endings.lastMs)
      this.endings.check()
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
      const outcomes = outcomesOf(progress, ranks, this.machinery.native !== undefined)
      return { ...this.totals(), requests, sentMs: this.client.sentMs, outcomes }
    }
    throw new RouteSimError('a run whose requests come from a source keeps no row of them', {
      code: 'no_rows',
      hint: 'Ask for totals(), and give the run a recorder with requestEnded.',
    })
  }

  /** The same without the requests. */
  totals(): RunTotals {
    const { options, desk } = this
    // Of requests that wait for others all may be rejected unsent, and none is measured.
    if (this.isDone && !this.isMeasuring) this.measured.start()
    return {
      router: desk.name,
      visibility: options.visibility?.name ?? 'exact',
      seed: options.seed,
      requestCount: options.requests.size,
      rejectReasons: this.endings.reasons,
      warmupRequests: options.warmupRequests ?? 0,
      measuredFromMs: this.measuredFromMs,
      endMs: this.endings.lastMs,
      complete: this.isDone,
      backends: this.measuredBackends(),
      customMetrics: desk.customMetrics(),
    }
  }

  private measuredBackends(): readonly BackendTotals[] {
    const backends = this.measured.sinceStart()
    return this.machinery.ranks?.merge(backends) ?? backends
  }

  private flushGaps(): void {
    this.machinery.gaps.flush()
    this.machinery.native?.flushGaps()
  }

  /** The step of a backend is over. */
  alarm(backend: number): void {
    const { machinery } = this
    machinery.stepped!.completeStep(backend)
    machinery.loop.settleLater(backend)
  }

  /** What was scheduled is due; see {@link EventSubjects}. */
  event(subject: number): void {
    const { machinery, dispatcher } = this
    const { subjects } = machinery
    if (subject < 0) this.life!.due(subject)
    else if (subject < subjects.frontEnd) dispatcher.transferCompleted(machinery.requestOf(subject))
    else if (subject < subjects.loaded)
      dispatcher.enqueue(machinery.requestOf(subject - subjects.frontEnd))
    else if (subject < subjects.metricsTaken)
      machinery.loadCompleted(machinery.requestOf(subject - subjects.loaded))
    else if (subject < subjects.progress) this.deliver(subject)
    else if (subject < subjects.firstTimer) this.tell(subject)
    else if (subject < subjects.released) this.timerDue(subject - subjects.firstTimer)
    else if (subject === subjects.released) this.carryOut()
    else if (subject < subjects.decided) this.askAgain(subject - subjects.asked)
    else if (subject < subjects.client) this.decide(machinery.requestOf(subject - subjects.decided))
    else if (subject < subjects.retried) {
      const request = subject - subjects.client
      this.client.send(request)
      this.submitSent(request)
    } else if (subject < subjects.timeouts)
      this.submit(machinery.requestOf(subject - subjects.retried))
    else if (subject === subjects.timeouts) this.timeouts!.due()
    else if (subject === subjects.stuck) this.resolveDeadlock()
    else this.arrive(subject - subjects.followUp)
  }

  /** Something about the backends, or about other routers, reaches the routers. */
  private deliver(subject: number): void {
    const { subjects } = this.machinery
    const deliveries = this.desk.deliveries!
    if (subject === subjects.kvDelivered) {
      deliveries.kv!.deliver()
      return
    }
    if (subject === subjects.metricsTaken) deliveries.metrics!.take()
    else if (subject === subjects.metricsDelivered) deliveries.metrics!.deliver()
    else deliveries.sync()
    this.checkMoving()
  }

  /** Routers hear what requests have got, or what a backend answers. */
  private tell(subject: number): void {
    const { subjects } = this.machinery
    if (subject === subjects.progress) this.progress!.due()
    else if (subject === subjects.questionArrived) this.desk.queries.reached()
    else this.desk.queries.delivered()
    this.checkMoving()
  }

  /** What routers have let go, or want moved. */
  private carryOut(): void {
    const { desk, dispatcher, lost, migrations, holds } = this
    desk.pendingActions--
    const { count, rows, decisions } = desk.held.takeReleased()
    holds.isRepeating = true
    for (let i = 0; i < count; i++) dispatcher.dispatch(rows[i]!, decisions[i]!)
    holds.isRepeating = false
    for (const move of desk.takeAsked())
      if (lost?.isLeaving(move.request) !== true) migrations!.begin(move)
    this.checkMoving()
  }

  private timerDue(number: number): void {
    const { machinery, desk } = this
    const timer = desk.timers.due(number)
    if (timer === undefined || machinery.isOver) return
    desk.timerDue(timer)
    this.checkMoving()
  }

  /** Ends a run in which only timers still go off and metrics are polled, for ever. */
  private checkMoving(): void {
    if (this.idle.isStuck(this.endings.lastMs)) this.rejectHeld()
  }

  private resolveDeadlock(): void {
    const request = this.machinery.deadlocks!.resolve()
    if (request >= 0) this.handOverEnded(request)
  }

  /** A request arrives. */
  enter(entry: number): void {
    const { window, loop } = this.machinery
    const request = window === undefined ? entry : window.rowOf(entry)
    // One that waits for another comes after that has ended.
    if (this.followUps?.has(request) !== true) this.arrive(request)
    if (window?.isLastEntry(entry)) {
      window.refill(this)
      loop.restartEntries()
    }
  }

  /** A backend may start a step. */
  settle(id: number): void {
    this.machinery.settle(id)
  }

  /** A row of the window has another request. */
  renew(row: number): void {
    this.machinery.progress.reset(row)
    ;(this.machinery.kv as RenewableKvCache).renew(row)
  }

  firstTokenProduced(request: number, backend: number): void {
    if (this.lost?.takeBackLate(request) === true) return
    this.progress?.firstTokenProduced(request)
    this.desk.firstTokenProduced(request, backend)
  }

  requestFinished(request: number, backend: number): void {
    const { progress, clock } = this.machinery
    this.lost?.ended(request)
    this.migrations?.forget(request)
    progress.finishedMs[request] = clock.nowMs
    progress.backend[request] = backend
    this.endings.end(request, OUTCOME.completed)
    this.desk.finished(request, backend)
  }

  requestCancelled(request: number): void {
    if (this.migrations?.left(request) !== true) this.lost?.left(request)
  }

  handOverEnded(request: number): void {
    this.machinery.deadlocks?.arrived(request)
    this.migrations?.arrived(request)
  }

  requestRefused(request: number): void {
    this.lost!.refused(request)
  }

  prefillFinished(request: number): void {
    if (this.lost?.mayHandOver(request) === false) return
    this.dispatcher.prefillFinished(request)
  }

  transferStarted(request: number, tokens: number): void {
    this.machinery.transfers.start(request, tokens)
  }

  loadStarted(request: number, dueMs: number): void {
    const { machinery } = this
    const subject = checkedSubject(machinery.subjects.loaded + machinery.ticketOf(request))
    machinery.loop.schedule(dueMs, subject)
  }

  requestRejected(request: number, reason: string): void {
    this.requestEnded(request, OUTCOME.rejected, reason)
  }

  requestEnded(request: number, outcome: number, reason: string): void {
    // Routers of users say why, where no compiler has looked.
    if (typeof reason !== 'string' || reason === '')
      throw invalidDecision(this.desk.name, request, { kind: 'reject', reason })
    this.endings.endFor(reason, request, outcome)
  }

  requestHeld(request: number, untilMs: number): void {
    this.holds.hold(request, untilMs)
  }

  /** The time until which a request was held is over, unless it was released meanwhile. */
  private askAgain(ticket: number): void {
    const request = this.holds.takeDue(ticket)
    if (request < 0) return
    this.holds.isRepeating = true
    this.decide(request)
    this.holds.isRepeating = false
    this.holds.asked(request)
    this.checkMoving()
  }

  /** Nothing will make routers release what they hold. @returns false when they hold nothing */
  private rejectHeld(): boolean {
    const held = this.desk.held.takeAll()
    for (const request of held) {
      if (this.machinery.progress.awaitsDecode(request))
        this.dispatcher.giveUp(request, 'held_forever')
      else {
        this.desk.abandoned(request)
        this.requestRejected(request, 'held_forever')
      }
    }
    return held.length > 0
  }

  private arrive(request: number): void {
    this.desk.deliveries?.arrived(request)
    if (this.client.sendOrHold(request)) this.submitSent(request)
  }

  /** The client has sent a request. */
  private submitSent(request: number): void {
    if (!this.isMeasuring) this.measureFrom(request)
    const { windowStarts } = this.options
    if (windowStarts !== undefined) this.startWindows(request, windowStarts)
    this.timeouts?.sent(request)
    this.submit(request)
  }

  /** Tells of the windows that begin with a request or before it. */
  private startWindows(request: number, starts: readonly number[]): void {
    while (request >= starts[this.windows]!) {
      this.windows++
      this.flushGaps()
      this.options.recorder?.windowStarted?.(this.machinery.clock.nowMs, this.measuredBackends())
    }
  }

  /** A router begins to work on a request. */
  private submit(request: number): void {
    const { machinery, desk } = this
    const workMs = desk.deliveries?.decisionMs(request) ?? 0
    if (workMs === 0) this.decide(request)
    else {
      const { loop, clock, subjects } = machinery
      const subject = checkedSubject(subjects.decided + machinery.ticketOf(request))
      loop.schedule(clock.nowMs + workMs, subject)
    }
  }

  private decide(request: number): void {
    const { dispatcher, desk, machinery } = this
    const isComputed = machinery.progress.awaitsDecode(request)
    dispatcher.dispatch(request, isComputed ? desk.routeDecode(request) : desk.route(request))
  }

  /** Measuring starts with the first request sent that is no warm-up. */
  private measureFrom(request: number): void {
    this.measuredFromMs = this.client.sentMs[request]!
    if (request < (this.options.warmupRequests ?? 0)) return
    this.isMeasuring = true
    this.measured.start()
    this.desk.deliveries?.kv?.measuringStarts()
  }
}
