import { RouteSimError } from '../errors/routesim-error.js'
import type { RoutingDecision } from '../routing/routing-algorithm.js'

/** A request that its router has let go. */
export interface ReleasedRequest {
  readonly request: number
  readonly decision: RoutingDecision
}

/** Requests that wait at their router, and those that it has let go in this instant. */
export class HeldRequests {
  /** When the router is asked again, by row. */
  private readonly untilMs = new Map<number, number>()
  /** Rows of requests that the router is to be asked about again, by ticket. */
  private readonly rows = new Map<number, number>()
  private released: ReleasedRequest[] = []
  /** Requests that ended while they were held, which their router may not have heard of. */
  private readonly forgotten = new Set<number>()

  /** Requests that are held. */
  get size(): number {
    return this.untilMs.size
  }

  /** Whether a request is held. */
  has(request: number): boolean {
    return this.untilMs.has(request)
  }

  /** A request ends before its router lets it go. @returns false when it is not held */
  forget(request: number): boolean {
    const isReleased = this.released.some((each) => each.request === request)
    this.released = this.released.filter((each) => each.request !== request)
    if (isReleased) return true
    if (!this.untilMs.delete(request)) return false
    this.ended(request)
    return true
  }

  /** A request that is not held any more ends without a word to its router. */
  ended(request: number): void {
    this.forgotten.add(request)
  }

  hold(request: number, untilMs: number): void {
    this.forgotten.delete(request)
    this.untilMs.set(request, untilMs)
  }

  /**
   * Lets a request go.
   * @returns true when it is the first of this instant
   * @throws RouteSimError `router_invalid_release`
   */
  release(router: string, request: number, decision: RoutingDecision): boolean {
    if (!this.untilMs.delete(request)) {
      if (this.forgotten.delete(request)) return false
      throw new RouteSimError(
        `router "${router}": release(${request}): expected a request that it holds, got one that it does not`,
        {
          code: 'router_invalid_release',
          hint: 'Release a request once, after route() has returned hold() for it.',
        },
      )
    }
    return this.released.push({ request, decision }) === 1
  }

  /** What was let go, in order; the list is empty afterwards. */
  takeReleased(): readonly ReleasedRequest[] {
    const { released } = this
    this.released = []
    return released
  }

  /** The router is to be asked about a request again. @param ticket - what the event calls it */
  askLater(ticket: number, request: number): void {
    this.rows.set(ticket, request)
  }

  /**
   * The time has come to ask about a request again.
   * @param ticketOf - of the request that has a row now
   * @returns its row, -1 when it is not held any more, or until later
   */
  takeDue(ticket: number, nowMs: number, ticketOf: (request: number) => number): number {
    const request = this.rows.get(ticket)
    if (request === undefined) return -1
    const untilMs = ticketOf(request) === ticket ? this.untilMs.get(request) : undefined
    if (untilMs !== undefined && untilMs > nowMs) return -1
    this.rows.delete(ticket)
    if (untilMs === undefined) return -1
    this.untilMs.delete(request)
    return request
  }

  /** All that are held, in the order in which they came; none is held afterwards. */
  takeAll(): number[] {
    const all = [...this.untilMs.keys()]
    this.untilMs.clear()
    for (const request of all) this.ended(request)
    return all
  }
}
