import { RouteSimError } from '../../errors/routesim-error.js'
import type { RoutingDecision } from '../../routing/routing-algorithm.js'

/** Requests that routers have let go in one instant, in order. */
export interface ReleasedRequests {
  /** How many; what the columns have after that is of earlier instants. */
  count: number
  readonly rows: number[]
  readonly decisions: RoutingDecision[]
}

/** Who knows what events call the request of a row. */
export interface Tickets {
  ordinalOf(row: number): number
}

/**
 * Requests that wait at their router, and those that it has let go in this instant. Columns are by row. All
 * operations are O(1) but {@link takeAll}; no allocation once grown, where rows are the tickets of requests.
 */
export class HeldRequests {
  /** When the router is asked again; NaN for those that are not held. */
  private untilMs = new Float64Array(0)
  /** Which came when: numbers of {@link hold}. */
  private order = new Float64Array(0)
  private holds = 0
  private count = 0
  /** Rows of requests that the router is to be asked about again, by ticket, where the two differ. */
  private readonly rows = new Map<number, number>()
  private released: ReleasedRequests = { count: 0, rows: [], decisions: [] }
  private taken: ReleasedRequests = { count: 0, rows: [], decisions: [] }
  private readonly replicas: number
  private readonly replicaOf: (request: number) => number
  /** Requests that ended while they were held, which their router has not heard of: row x replicas + router. */
  private readonly forgotten = new Set<number>()

  /** @param replicaOf - which of the routers a request goes to */
  constructor(replicas: number, replicaOf: (request: number) => number) {
    this.replicas = replicas
    this.replicaOf = replicaOf
  }

  /** Requests that are held. */
  get size(): number {
    return this.count
  }

  /** Whether a request is held. */
  has(request: number): boolean {
    return request < this.untilMs.length && !Number.isNaN(this.untilMs[request]!)
  }

  /** Whether one of the routers holds a request. */
  isHeldBy(replica: number, request: number): boolean {
    return this.has(request) && this.replicaOf(request) === replica
  }

  /** A request ends before its router lets it go. @returns false when it is not held */
  forget(request: number): boolean {
    if (this.withdraw(request)) return true
    if (!this.letGo(request)) return false
    this.ended(request)
    return true
  }

  /** A request that is not held any more ends without a word to its router. */
  ended(request: number): void {
    this.forgotten.add(this.keyOf(this.replicaOf(request), request))
  }

  hold(request: number, untilMs: number): void {
    this.forgotten.delete(this.keyOf(this.replicaOf(request), request))
    if (request >= this.untilMs.length) this.grow(Math.max(1024, 2 * (request + 1)))
    if (!this.has(request)) {
      this.count++
      this.order[request] = this.holds++
    }
    this.untilMs[request] = untilMs
  }

  /**
   * Lets a request go.
   * @param replica - the router that says so, which may mean the request that had the row before
   * @returns true when it is the first of this instant
   * @throws RouteSimError `router_invalid_release`
   */
  release(router: string, replica: number, request: number, decision: RoutingDecision): boolean {
    if (!this.isHeldBy(replica, request) || !this.letGo(request)) {
      if (this.forgotten.delete(this.keyOf(replica, request))) return false
      throw new RouteSimError(
        `router "${router}": release(${request}): expected a request that it holds, got one that it does not`,
        {
          code: 'router_invalid_release',
          hint: 'Release a request once, after route() has returned hold() for it.',
        },
      )
    }
    const { released } = this
    released.rows[released.count] = request
    released.decisions[released.count] = decision
    return ++released.count === 1
  }

  /** What was let go, valid until the next call; none is let go afterwards. */
  takeReleased(): ReleasedRequests {
    const { released, taken } = this
    taken.count = 0
    this.released = taken
    this.taken = released
    return released
  }

  /** The router is to be asked about a request again. @param ticket - what the event calls it */
  askLater(ticket: number, request: number): void {
    if (ticket !== request) this.rows.set(ticket, request)
  }

  /**
   * The time has come to ask about a request again.
   * @param tickets - by row, those of the requests that have them now
   * @returns its row, -1 when it is not held any more, or until later
   */
  takeDue(ticket: number, nowMs: number, tickets: Tickets): number {
    const request = this.rows.get(ticket) ?? ticket
    const isHeld = this.has(request) && tickets.ordinalOf(request) === ticket
    if (isHeld && this.untilMs[request]! > nowMs) return -1
    if (ticket !== request) this.rows.delete(ticket)
    if (!isHeld) return -1
    this.letGo(request)
    return request
  }

  /** All that are held, in the order in which they came; none is held afterwards. */
  takeAll(): number[] {
    const { order } = this
    const all: number[] = []
    for (let request = 0; request < this.untilMs.length; request++)
      if (this.letGo(request)) all.push(request)
    for (const request of all) this.ended(request)
    return all.sort((a, b) => order[a]! - order[b]!)
  }

  private keyOf(replica: number, request: number): number {
    return request * this.replicas + replica
  }

  /** @returns false when the request was not held */
  private letGo(request: number): boolean {
    if (!this.has(request)) return false
    this.untilMs[request] = Number.NaN
    this.count--
    return true
  }

  /** Takes a request out of those that were let go. @returns false when it is none of them */
  private withdraw(request: number): boolean {
    const { rows, decisions, count } = this.released
    let left = 0
    for (let i = 0; i < count; i++) {
      if (rows[i] === request) continue
      rows[left] = rows[i]!
      decisions[left++] = decisions[i]!
    }
    this.released.count = left
    return left < count
  }

  private grow(size: number): void {
    const { untilMs, order } = this
    this.untilMs = new Float64Array(size).fill(Number.NaN)
    this.untilMs.set(untilMs)
    this.order = new Float64Array(size)
    this.order.set(order)
  }
}
