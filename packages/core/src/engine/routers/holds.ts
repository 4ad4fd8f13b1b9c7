import { RouteSimError } from '../../errors/routesim-error.js'
import { checkedSubject } from '../event-subjects.js'
import type { Machinery } from '../machinery.js'
import { OUTCOME } from '../results/run-result.js'
import { invalidDecision } from './decision-errors.js'
import type { RouterDesk } from './router-desk.js'
import { StandstillGuard } from './standstill-guard.js'

/** Requests that routers keep until a time, and when they are asked about them again. */
export class Holds {
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly guard: StandstillGuard
  /** Times yet to come at which routers are asked again. */
  pendingEvents = 0
  /** The latest time at which a request was held that had not been before, or until which it was. */
  promisedMs = 0
  /** Whether those that are held now were held before: that is no news. */
  isRepeating = false

  constructor(machinery: Machinery, desk: RouterDesk) {
    this.machinery = machinery
    this.desk = desk
    this.guard = new StandstillGuard(machinery.clock, machinery.progress.outcome.length)
  }

  /** @throws RouteSimError `router_invalid_decision` when the time is none */
  hold(request: number, untilMs: number): void {
    const { machinery, desk } = this
    const { clock, loop, subjects } = machinery
    // Not a number, or nothing where no compiler has looked.
    if (!(untilMs <= Number.POSITIVE_INFINITY))
      throw invalidDecision(desk.name, request, { kind: 'hold', untilMs })
    if (untilMs <= clock.nowMs) this.checkMovesOn(request)
    desk.held.hold(request, untilMs)
    const isOpen = untilMs === Number.POSITIVE_INFINITY
    if (!this.isRepeating)
      this.promisedMs = Math.max(this.promisedMs, isOpen ? clock.nowMs : untilMs)
    if (isOpen) return
    const ticket = machinery.ordinalOf(request)
    desk.held.askLater(ticket, request)
    this.pendingEvents++
    loop.schedule(Math.max(untilMs, clock.nowMs), checkedSubject(subjects.asked + ticket))
  }

  /** @throws RouteSimError `router_invalid_decision` when time would stand still for ever */
  private checkMovesOn(request: number): void {
    const { desk, machinery } = this
    const { nowMs } = machinery.clock
    const others = this.guard.tooOften()
    if (others === 0) return
    throw new RouteSimError(
      `router "${desk.name}": request ${request}: expected hold() until a time after now, ${nowMs} ms; got one that is not, after ${others} others in this instant`,
      {
        code: 'router_invalid_decision',
        hint: 'Times are virtual: write hold(cluster.nowMs + 10), or hold() and release the request later.',
      },
    )
  }

  /** @returns the request that its router is to be asked about now, -1 when it is not held any more */
  takeDue(ticket: number): number {
    const { machinery, desk } = this
    this.pendingEvents--
    return desk.held.takeDue(ticket, machinery.clock.nowMs, machinery)
  }

  /** A router was asked again, and perhaps it was not the one that held the request. */
  asked(request: number): void {
    const { machinery, desk } = this
    if (machinery.progress.outcome[request] !== OUTCOME.rejected) return
    // Another may have rejected it than who held it.
    desk.held.ended(request)
    if (!desk.replicaOf(request).isAsked(request)) desk.abandoned(request)
  }
}
