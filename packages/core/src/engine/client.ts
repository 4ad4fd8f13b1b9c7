import type { Clock } from '../kernel/clock.js'
import type { RequestTable } from '../requests/request-table.js'

const NONE = -1

/** Who sends the requests: of those that have arrived, at most so many are under way at once. */
export class Client {
  /** When each request was sent, in ms; its arrival unless the client had to hold it. */
  readonly sentMs: Float64Array
  private readonly clock: Clock
  private readonly maxInFlight: number
  private readonly isLimited: boolean
  /** Requests that have arrived and wait, from `nextHeld` on. */
  private readonly held: number[] = []
  private nextHeld = 0
  private inFlight = 0

  constructor(requests: RequestTable, clock: Clock, maxInFlight: number | undefined) {
    this.clock = clock
    this.isLimited = maxInFlight !== undefined
    this.maxInFlight = maxInFlight ?? Number.MAX_SAFE_INTEGER
    this.sentMs = this.isLimited ? new Float64Array(requests.size) : requests.arrivalMs
  }

  /** Sends a request that arrives, or holds it. @returns true when it is to be routed now */
  sendOrHold(request: number): boolean {
    if (this.inFlight >= this.maxInFlight) {
      this.held.push(request)
      return false
    }
    this.send(request)
    return true
  }

  /** A request goes to the router now. */
  send(request: number): void {
    this.inFlight++
    if (this.isLimited) this.sentMs[request] = this.clock.nowMs
  }

  /** A request has ended. @returns the one that may be sent now, -1 for none */
  ended(): number {
    this.inFlight--
    return this.nextHeld < this.held.length ? this.held[this.nextHeld++]! : NONE
  }
}
