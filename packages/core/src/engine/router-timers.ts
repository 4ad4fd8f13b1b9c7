import { RouteSimError } from '../errors/routesim-error.js'
import { MOST_TIMERS } from './event-subjects.js'

/** The delay of a timer. @throws RouteSimError `router_invalid_timer` unless it is above 0 and finite */
export function checkedDelay(router: string, id: string, delayMs: number): number {
  if (delayMs > 0 && delayMs < Number.POSITIVE_INFINITY) return delayMs
  throw new RouteSimError(
    `router "${router}": timer(${JSON.stringify(id)}): expected a delay > 0 ms, got ${delayMs}`,
    { code: 'router_invalid_timer' },
  )
}

/** A timer of a router replica. */
export interface RouterTimer {
  readonly replica: number
  readonly id: string
}

/** Timers that routers have set, each under a number that is higher than that of those set before. */
export class RouterTimers {
  private readonly running = new Map<number, RouterTimer>()
  /** By replica and id: the number of the timer that counts. */
  private readonly latest = new Map<string, number>()
  /** Numbers whose event is yet to come, those of replaced timers included. */
  private readonly queued = new Set<number>()
  private next = 0

  /** Events yet to come. */
  get pendingEvents(): number {
    return this.queued.size
  }

  /** @returns the number of the timer, less than {@link MOST_TIMERS} */
  set(replica: number, id: string): number {
    if (this.queued.size === MOST_TIMERS) {
      throw new RouteSimError(`router: more than ${MOST_TIMERS} timers are pending`, {
        code: 'router_invalid_timer',
        hint: 'Use few ids, and let one timer serve many requests.',
      })
    }
    const key = `${replica} ${id}`
    const before = this.latest.get(key)
    if (before !== undefined) this.running.delete(before)
    while (this.queued.has(this.next)) this.next = (this.next + 1) % MOST_TIMERS
    const number = this.next
    this.next = (number + 1) % MOST_TIMERS
    this.queued.add(number)
    this.running.set(number, { replica, id })
    this.latest.set(key, number)
    return number
  }

  /** The event of a timer is here. @returns undefined when it was replaced meanwhile */
  due(number: number): RouterTimer | undefined {
    this.queued.delete(number)
    const timer = this.running.get(number)
    if (timer === undefined) return undefined
    this.running.delete(number)
    this.latest.delete(`${timer.replica} ${timer.id}`)
    return timer
  }
}
