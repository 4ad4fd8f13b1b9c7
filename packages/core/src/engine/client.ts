import type { Clock } from '../kernel/clock.js'
import type { RequestTable } from '../requests/request-table.js'

const NONE = -1

/**
 * Who sends the requests: of those that have arrived, at most so many are under way at once. Those that
 * wait for another have arrived when their time has come.
 */
export class Client {
  /** When each request was sent, in ms; its arrival unless it had to wait. */
  readonly sentMs: Float64Array
  private readonly clock: Clock
  private readonly maxInFlight: number
  private readonly ownsTimes: boolean
  /** Requests that have arrived and wait, from `nextHeld` on. */
  private readonly held: number[] = []
  private nextHeld = 0
  private inFlight = 0

  constructor(requests: RequestTable, clock: Clock, maxInFlight: number | undefined) {
    this.clock = clock
    this.ownsTimes = maxInFlight !== undefined || requests.predecessor !== undefined
    this.maxInFlight = maxInFlight ?? Number.MAX_SAFE_INTEGER
    this.sentMs = this.ownsTimes ? requests.arrivalMs.slice() : requests.arrivalMs
  }

  /** Sends a request that arrives, or holds it. @returns true when it is to be routed now */
  sendOrHold(request: number): boolean {
    if (this.inFlight >= this.maxInFlight) {
      this.held.push(request)
      return false
    }
    this.inFlight++
    this.send(request)
    return true
  }

  /** A request goes to the router now: one that arrives, or one that {@link ended} gave. */
  send(request: number): void {
    if (this.ownsTimes) this.sentMs[request] = this.clock.nowMs
  }

  /** A request has ended. @returns the one that takes its place and is to be sent now, -1 for none */
  ended(): number {
    if (this.nextHeld < this.held.length) return this.held[this.nextHeld++]!
    this.inFlight--
    return NONE
  }
}
