import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import { MOST_TIMERS } from '../event-subjects.js'

/** The delay of a timer. @throws RouteSimError `router_invalid_timer` unless it is above 0 and finite */
export function checkedDelay(router: string, id: string, delayMs: number): number {
  if (delayMs > 0 && delayMs < Number.POSITIVE_INFINITY) return delayMs
  throw new RouteSimError(
    `router "${router}": timer(${JSON.stringify(id)}): expected a delay > 0 ms, got ${shown(delayMs)}`,
    { code: 'router_invalid_timer' },
  )
}

/** A timer of a router replica. */
export interface RouterTimer {
  readonly replica: number
  readonly id: string
}

interface NamedTimer extends RouterTimer {
  /** Of the timer that counts, -1 while none runs. */
  number: number
}

/** Names that are remembered though no timer of that name runs, so that setting it again allocates nothing. */
const MOST_IDLE_NAMES = 64

/** Timers that routers have set, each under a number that is higher than that of those set before. */
export class RouterTimers {
  /** By replica, by id. */
  private readonly names: Map<string, NamedTimer>[] = []
  /** By number: the timer whose event it is, undefined once it was replaced. */
  private readonly running: (NamedTimer | undefined)[] = []
  /** By number: whether its event is yet to come, those of replaced timers included. */
  private isQueued = new Uint8Array(64)
  private queued = 0
  private next = 0

  /** Events yet to come. */
  get pendingEvents(): number {
    return this.queued
  }

  /** @returns the number of the timer, less than {@link MOST_TIMERS} */
  set(replica: number, id: string): number {
    if (this.queued === MOST_TIMERS) {
      throw new RouteSimError(`router: more than ${MOST_TIMERS} timers are pending`, {
        code: 'router_invalid_timer',
        hint: 'Use few ids, and let one timer serve many requests.',
      })
    }
    const timer = this.named(replica, id)
    if (timer.number !== -1) this.running[timer.number] = undefined
    // Without others there is no order to keep, and numbers stay small.
    if (this.queued === 0) this.next = 0
    while (this.isQueued[this.next] === 1) this.next = (this.next + 1) % MOST_TIMERS
    const number = this.next
    this.next = (number + 1) % MOST_TIMERS
    if (number >= this.isQueued.length) {
      const { isQueued } = this
      this.isQueued = new Uint8Array(2 * number)
      this.isQueued.set(isQueued)
    }
    while (this.running.length <= number) this.running.push(undefined)
    this.isQueued[number] = 1
    this.queued++
    this.running[number] = timer
    timer.number = number
    return number
  }

  /** The event of a timer is here. @returns undefined when it was replaced meanwhile */
  due(number: number): RouterTimer | undefined {
    this.isQueued[number] = 0
    this.queued--
    const timer = this.running[number]
    if (timer === undefined) return undefined
    this.running[number] = undefined
    timer.number = -1
    const names = this.names[timer.replica]!
    if (names.size > MOST_IDLE_NAMES) names.delete(timer.id)
    return timer
  }

  private named(replica: number, id: string): NamedTimer {
    while (this.names.length <= replica) this.names.push(new Map())
    const names = this.names[replica]!
    let timer = names.get(id)
    if (timer === undefined) {
      timer = { replica, id, number: -1 }
      names.set(id, timer)
    }
    return timer
  }
}
