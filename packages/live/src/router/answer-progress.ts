import { RouteSimError, type RoutingAlgorithm } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { Ticket } from './ticket.js'

/**
 * How many tokens the answers of requests have, as far as they have passed through here: the events of those
 * that are streamed; others have one from their first byte until their end.
 */
export class AnswerProgress {
  /** By id of the request: output tokens, and those that its algorithm has heard of. */
  private readonly tokens: number[] = []
  private readonly told: number[] = []
  /** Those with a first token, in that order. */
  private readonly answering = new Set<Ticket>()
  private timer: NodeJS.Timeout | undefined

  /** Output tokens of a request, of one that has ended until another has its id. */
  of(request: number): number {
    return this.tokens[request] ?? 0
  }

  /** A request begins, or begins anew. */
  begin({ request }: Ticket): void {
    this.tokens[request.id] = 0
    this.told[request.id] = 0
  }

  /** The algorithm hears of this one as such. */
  firstToken(ticket: Ticket): void {
    const { id } = ticket.request
    this.tokens[id] = Math.max(1, this.of(id))
    this.told[id] = 1
    this.answering.add(ticket)
  }

  /** So many tokens have come of an answer. */
  came({ request }: Ticket, tokens: number): void {
    this.tokens[request.id] = Math.max(this.of(request.id), tokens)
  }

  /** An answer is over. @param tokens - that it has in all, if somebody knows */
  end(ticket: Ticket, tokens: number): void {
    this.answering.delete(ticket)
    if (tokens > 0) this.tokens[ticket.request.id] = tokens
  }

  /**
   * From now on algorithms are told of progress, if this one wants to hear of it.
   * @throws RouteSimError `router_failed` unless it says how often
   */
  follow(
    { name, onProgress, progressIntervalMs: ms = 0 }: RoutingAlgorithm,
    tell: (ticket: Ticket, tokens: number) => void,
  ): void {
    this.stop()
    if (onProgress === undefined) return
    if (!(ms > 0 && Number.isFinite(ms))) {
      throw new RouteSimError<LiveErrorCode>(
        `router "${name}": progressIntervalMs: expected a number > 0, got ${ms}`,
        {
          code: 'router_failed',
          hint: 'A router with onProgress says how often it wants to hear.',
        },
      )
    }
    this.timer = setInterval(() => this.due(tell), ms)
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private due(tell: (ticket: Ticket, tokens: number) => void): void {
    for (const ticket of this.answering) {
      const { id } = ticket.request
      const tokens = this.of(id)
      if (ticket.at === undefined || tokens <= this.told[id]!) continue
      this.told[id] = tokens
      tell(ticket, tokens)
    }
  }
}
