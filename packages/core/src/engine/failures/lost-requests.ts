import type { FallibleFleet } from '../../backend/fleet.js'
import type { Machinery } from '../machinery.js'
import { OUTCOME } from '../results/run-result.js'
import type { RouterDesk } from '../routers/router-desk.js'
import type { SimulationOptions } from '../simulation-options.js'
import type { RetryPolicy } from './backend-event.js'
import type { Migrations } from './migrations.js'

/** Who is told what becomes of requests that their backend has lost, or that took too long. */
export interface LossListener {
  requestEnded(request: number, outcome: number, reason: string): void
}

const NONE = -1

const never: RetryPolicy = { attempts: 0, backoffMs: 0 }

/** Why a request is taken off its backend. */
type Cause = 'backend_failed' | 'timeout'

/** The rank that a request leaves when the step under way is over, and why. */
interface Leaving {
  readonly rank: number
  cause: Cause
}

/** Takes requests off backends that have failed, or that they were on for too long, and sends them again. */
export class LostRequests {
  private readonly machinery: Machinery
  private readonly fleet: FallibleFleet
  private readonly desk: RouterDesk
  private readonly listener: LossListener
  private readonly migrations: Migrations | undefined
  private readonly retries: RetryPolicy
  private readonly leaving = new Map<number, Leaving>()

  constructor(
    { retries = never }: SimulationOptions,
    machinery: Machinery,
    fleet: FallibleFleet,
    desk: RouterDesk,
    listener: LossListener,
    migrations?: Migrations,
  ) {
    this.migrations = migrations
    this.machinery = machinery
    this.fleet = fleet
    this.desk = desk
    this.listener = listener
    this.retries = retries
  }

  /** Requests that are on some ranks, or on their way from or to them, in order of arrival. */
  on(from: number, to: number): number[] {
    const { machinery } = this
    const { outcome, backend, prefillBackend } = machinery.progress
    const isThere = (rank: number): boolean => rank >= from && rank < to
    const requests: number[] = []
    for (let i = 0; i < outcome.length; i++) {
      if (outcome[i] !== OUTCOME.unfinished) continue
      if (isThere(prefillBackend[i]!) || isThere(backend[i]!)) requests.push(i)
    }
    return requests.sort((a, b) => machinery.ordinalOf(a) - machinery.ordinalOf(b))
  }

  /** The ranks of a request's backend have just failed. */
  lose(request: number, from: number, to: number): void {
    const isThere = (rank: number): boolean => rank >= from && rank < to
    if (this.migrations?.comesBack(request, isThere) === true) return
    const leaving = this.leaving.get(request)
    if (leaving === undefined) this.callOff(request, isThere, 'backend_failed')
    else if (isThere(leaving.rank)) this.left(request)
  }

  /** A request was sent to a backend that is down. */
  refused(request: number): void {
    this.retryOrEnd(request, 'backend_unreachable')
  }

  /** A request has taken too long. */
  timeOut(request: number): void {
    const { machinery, desk } = this
    const { subjects, progress } = machinery
    const leaving = this.leaving.get(request)
    if (leaving !== undefined) {
      // Whatever it leaves for, nobody waits for it any longer.
      leaving.cause = 'timeout'
    } else if (progress.prefillBackend[request]! < 0) {
      if (desk.held.forget(request)) desk.abandoned(request)
      else if (!machinery.cancel(subjects.retried, request))
        machinery.cancel(subjects.decided, request)
      this.listener.requestEnded(request, OUTCOME.timed_out, 'timeout')
    } else this.callOff(request, () => false, 'timeout')
  }

  /** Whether a request leaves its batch when the step under way is over. */
  isLeaving(request: number): boolean {
    return this.leaving.has(request)
  }

  /**
   * A request has its first token: taken back if its client has hung up, unless that is all it was to get.
   * @returns true when it was
   */
  takeBackLate(request: number): boolean {
    const { progress, requests } = this.machinery
    if (this.leaving.get(request)?.cause !== 'timeout' || requests.outputTokens[request] === 1)
      return false
    progress.firstTokenMs[request] = Number.NaN
    return true
  }

  /** A request that was leaving its batch has left it. */
  left(request: number): void {
    const { rank, cause } = this.leaving.get(request)!
    this.leaving.delete(request)
    this.afterLoss(request, rank, cause)
  }

  /** A request that was leaving has ended instead. */
  ended(request: number): void {
    this.leaving.delete(request)
  }

  /**
   * The prompt of a request is computed.
   * @returns false when it was leaving, and is not to be handed over
   */
  mayHandOver(request: number): boolean {
    const leaving = this.leaving.get(request)
    if (leaving === undefined) return true
    this.fleet.releaseHandedOver(leaving.rank, request)
    this.left(request)
    return false
  }

  /**
   * Takes a request off every backend it is on, unless it goes on or leaves later.
   * @param isGone - ranks that have forgotten it
   */
  private callOff(request: number, isGone: (rank: number) => boolean, cause: Cause): void {
    const rank = this.takeOff(request, isGone, cause)
    if (rank !== NONE) this.afterLoss(request, rank, cause)
  }

  /** @returns the rank where it counted when it is off, -1 when it goes on or leaves later */
  private takeOff(request: number, isGone: (rank: number) => boolean, cause: Cause): number {
    const { machinery, fleet } = this
    const { progress, subjects } = machinery
    const prefill = progress.prefillBackend[request]!
    const decode = progress.backend[request]!
    // Its blocks go on their way, to nobody.
    machinery.cancel(subjects.loaded, request)
    if (progress.awaitsDecode(request)) {
      this.desk.held.forget(request)
      if (!isGone(prefill)) this.letGo(request, prefill)
      return prefill
    }
    if (machinery.cancel(subjects.frontEnd, request)) {
      if (!isGone(prefill)) fleet.cancel(prefill, request)
      return prefill
    }
    if (this.isPrefilling(request))
      return isGone(prefill) || this.leave(request, prefill, cause) ? prefill : NONE
    const isOnItsWay = machinery.transfers.cancel(request)
    if (isOnItsWay || progress.isHandedOver[request] === 1) {
      if (!isGone(decode)) fleet.cancel(decode, request)
      progress.isHandedOver[request] = 0
      progress.isTransferring[request] = 0
      if (!isGone(decode)) machinery.touch(decode)
      if (!isGone(prefill)) this.letGo(request, prefill)
      return decode
    }
    if (isGone(decode)) return decode
    // What failed had done its part.
    return cause === 'timeout' && this.leave(request, decode, cause) ? decode : NONE
  }

  /** Gives back the blocks that a computed prompt holds where it was computed. */
  private letGo(request: number, prefill: number): void {
    this.fleet.releaseHandedOver(prefill, request)
    this.machinery.touch(prefill)
  }

  /** Takes a request off a backend that works. @returns true when it is off at once */
  private leave(request: number, rank: number, cause: Cause): boolean {
    const { machinery, fleet } = this
    const isOff = fleet.cancel(rank, request)
    machinery.alarmMoved(rank)
    if (isOff) machinery.touch(rank)
    else {
      this.migrations?.forget(request)
      this.leaving.set(request, { rank, cause })
    }
    return isOff
  }

  /** Whether a request is still where its prompt is computed, or was. */
  private isPrefilling(request: number): boolean {
    const { progress } = this.machinery
    return (
      progress.prefillBackend[request] === progress.backend[request] ||
      progress.backend[request]! < 0 ||
      Number.isNaN(progress.firstTokenMs[request]!)
    )
  }

  /** @param rank - where it counted */
  private afterLoss(request: number, rank: number, cause: Cause): void {
    const { progress } = this.machinery
    this.migrations?.forget(request)
    // One that came too late went to nobody.
    if (Number.isNaN(progress.firstTokenMs[request]!)) progress.emittedTokens[request] = 0
    this.desk.finished(request, rank)
    if (cause === 'timeout') this.listener.requestEnded(request, OUTCOME.timed_out, cause)
    else this.retryOrEnd(request, cause)
  }

  private retryOrEnd(request: number, reason: string): void {
    const { machinery, retries } = this
    const { progress, loop, clock, subjects } = machinery
    const hasAnswered = !Number.isNaN(progress.firstTokenMs[request]!)
    if (hasAnswered || progress.attempts[request]! >= retries.attempts) {
      this.listener.requestEnded(request, OUTCOME.failed, reason)
      return
    }
    machinery.transfers.retried(request)
    progress.retry(request)
    loop.schedule(clock.nowMs + retries.backoffMs, subjects.retried + machinery.ticketOf(request))
  }
}
