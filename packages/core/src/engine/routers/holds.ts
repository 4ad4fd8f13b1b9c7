import { RouteSimError } from '../../errors/routesim-error.js'
import { checkedSubject } from '../event-subjects.js'
import type { Machinery } from '../machinery.js'
import { OUTCOME } from '../results/run-result.js'
import { invalidDecision } from './decision-errors.js'
import type { RouterDesk } from './router-desk.js'

/**
 * Holds until now, or a time before, in one instant and per request there is: built-in routers come to one or two.
 */
const MOST_AT_ONCE = 100

/** Requests that routers keep until a time, and when they are asked about them again. */
export class Holds {
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  /** How many there were in the instant of {@link atOnceMs}. */
  private atOnce = 0
  private atOnceMs = Number.NaN

  constructor(machinery: Machinery, desk: RouterDesk) {
    this.machinery = machinery
    this.desk = desk
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
    if (untilMs === Number.POSITIVE_INFINITY) return
    const ticket = machinery.ordinalOf(request)
    desk.held.askLater(ticket, request)
    loop.schedule(Math.max(untilMs, clock.nowMs), checkedSubject(subjects.asked + ticket))
  }

  /** @throws RouteSimError `router_invalid_decision` when time would stand still for ever */
  private checkMovesOn(request: number): void {
    const { desk, machinery } = this
    const { nowMs } = machinery.clock
    this.atOnce = nowMs === this.atOnceMs ? this.atOnce + 1 : 0
    this.atOnceMs = nowMs
    if (this.atOnce < MOST_AT_ONCE * (10 + machinery.progress.outcome.length)) return
    throw new RouteSimError(
      `router "${desk.name}": request ${request}: expected hold() until a time after now, ${nowMs} ms; got one that is not, after ${this.atOnce} others in this instant`,
      {
        code: 'router_invalid_decision',
        hint: 'Times are virtual: write hold(cluster.nowMs + 10), or hold() and release the request later.',
      },
    )
  }

  /** @returns the request that its router is to be asked about now, -1 when it is not held any more */
  takeDue(ticket: number): number {
    const { machinery, desk } = this
    return desk.held.takeDue(ticket, machinery.clock.nowMs, machinery)
  }

  /** A router was asked again, and perhaps it was not the one that held the request. */
  asked(request: number): void {
    // Without a word to who held it, if nobody was asked or another rejected it.
    if (this.machinery.progress.outcome[request] === OUTCOME.rejected) this.desk.held.ended(request)
  }
}
