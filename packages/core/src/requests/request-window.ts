import { RouteSimError } from '../errors/routesim-error.js'
import { shown } from '../errors/shown.js'
import type { PromptTree } from './prompt-tree.js'
import type { RequestSource } from './request-source.js'
import type { RequestTable } from './request-table.js'

/** Who else keeps something per row, and must be told of its next request. */
export interface RowKeeper {
  /** The row has another request. */
  renew(row: number): void
}

/** Requests that are made ahead of their arrival. */
const AHEAD = 1024

/**
 * Rows for the requests under way, and for the next to arrive. The row of a request that has ended is
 * given to another, so that their number is that of requests in flight, not of all. Rows before
 * `warmupRequests` belong to one warm-up request each and are not given again.
 */
export class RequestWindow {
  /** The rows; those of requests that have ended hold what they held. */
  readonly table: RequestTable
  /** Arrivals of the requests made ahead, in order; `Infinity` after the last of all. */
  readonly entryTimes: Float64Array = new Float64Array(AHEAD).fill(Number.POSITIVE_INFINITY)
  private readonly source: RequestSource
  private readonly entryRows = new Int32Array(AHEAD)
  /** Rows whose request has ended, a ring: the row that was given back first is taken first. */
  private readonly free: Int32Array
  private freeFrom = 0
  private freeCount = 0
  private readonly warmupRequests: number
  /** Per row, how many requests arrive before the one it has: rows themselves are in no order. */
  private readonly ordinals: Int32Array
  private readonly tickets = new Map<number, number>()
  private untouched = 0
  private made = 0
  private lastArrivalMs = 0

  /** @param capacity - rows for measured requests: more than are ever in flight */
  constructor(source: RequestSource, capacity: number, warmupRequests: number) {
    this.source = source
    this.warmupRequests = warmupRequests
    const rows = Math.min(source.size, capacity + AHEAD + warmupRequests)
    this.free = new Int32Array(rows)
    this.ordinals = new Int32Array(rows)
    this.table = emptyWindow(rows, source.prompts, source.strings)
  }

  /** Requests that will arrive in all. */
  get requests(): number {
    return this.source.size
  }

  /** The row of a request made ahead. */
  rowOf(entry: number): number {
    return this.entryRows[entry]!
  }

  isLastEntry(entry: number): boolean {
    return entry === AHEAD - 1
  }

  /** Gives the row of a request that has ended back. */
  give(row: number): void {
    if (row < this.warmupRequests) return
    const at = (this.freeFrom + this.freeCount++) % this.free.length
    this.free[at] = row
  }

  /**
   * Makes the next requests, once all made ahead have arrived.
   * @throws RouteSimError `window_full`, or `request_invalid` for one that arrives before the last
   */
  refill(keeper: RowKeeper): void {
    for (let entry = 0; entry < AHEAD; entry++) {
      if (this.made === this.source.size) {
        this.entryTimes.fill(Number.POSITIVE_INFINITY, entry)
        return
      }
      const row = this.take()
      this.source.next(this.table, row)
      this.checkOrder(this.table.arrivalMs[row]!)
      this.ordinals[row] = this.made++
      keeper.renew(row)
      this.entryRows[entry] = row
      this.entryTimes[entry] = this.table.arrivalMs[row]!
    }
  }

  /** A number for the request of a row that is lower than those of later requests. */
  ticketOf(row: number): number {
    const ticket = this.ordinals[row]!
    this.tickets.set(ticket, row)
    return ticket
  }

  /** How many requests arrive before that of a row. */
  ordinalOf(row: number): number {
    return this.ordinals[row]!
  }

  /** The row for which a ticket was given. */
  redeem(ticket: number): number {
    const row = this.tickets.get(ticket)!
    this.tickets.delete(ticket)
    return row
  }

  /** Time goes on, or a run would never come to the end of the requests. */
  private checkOrder(arrivalMs: number): void {
    if (arrivalMs >= this.lastArrivalMs && arrivalMs < Number.POSITIVE_INFINITY) {
      this.lastArrivalMs = arrivalMs
      return
    }
    throw new RouteSimError(
      `requests: expected a source whose request ${this.made} arrives at ${this.lastArrivalMs} ms or later, got ${shown(arrivalMs)}`,
      { code: 'request_invalid', path: 'requests' },
    )
  }

  private take(): number {
    if (this.freeCount > 0) {
      const row = this.free[this.freeFrom]!
      this.freeFrom = (this.freeFrom + 1) % this.free.length
      this.freeCount--
      return row
    }
    if (this.untouched === this.table.size) throw full(this.untouched)
    return this.untouched++
  }
}

/** A table whose rows are given to one request after another, none of them used yet. */
export function emptyWindow(
  rows: number,
  prompts: PromptTree,
  strings: readonly string[],
): RequestTable {
  const none = (): Int32Array => new Int32Array(rows).fill(-1)
  return {
    size: rows,
    isWindow: true,
    arrivalMs: new Float64Array(rows),
    promptTokens: new Int32Array(rows),
    outputTokens: new Int32Array(rows),
    maxTokens: new Int32Array(rows),
    promptNode: none(),
    prefixTokens: new Int32Array(rows),
    session: none(),
    user: none(),
    tenant: none(),
    model: none(),
    adapter: none(),
    priority: new Int32Array(rows),
    sloClass: none(),
    deadlineMs: new Float64Array(rows).fill(Number.NaN),
    ttftSloMs: new Int32Array(rows),
    strings,
    prompts,
  }
}

function full(rows: number): RouteSimError {
  return new RouteSimError(
    `more requests are under way than the ${rows} there is room for: the fleet does not keep up`,
    {
      code: 'window_full',
      hint: 'Lower the rate, or run with per-request results. No queue limit counts those that routers hold, or that wait to be decoded.',
    },
  )
}
