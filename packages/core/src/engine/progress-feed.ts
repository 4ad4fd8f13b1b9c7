import { RouteSimError } from '../errors/routesim-error.js'
import type { Machinery } from './machinery.js'
import type { RouterDesk } from './router-desk.js'

/** Tells routers, at an interval, how many tokens their requests have got. */
export class ProgressFeed {
  /** Events yet to come. */
  pendingEvents = 0
  private readonly intervalMs: number
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  /** By row: tokens that the router has heard of. */
  private readonly told: Int32Array
  private readonly news: { request: number; tokens: number; rank: number }[] = []

  constructor(intervalMs: number, machinery: Machinery, desk: RouterDesk) {
    this.intervalMs = intervalMs
    this.machinery = machinery
    this.desk = desk
    this.told = new Int32Array(machinery.requests.size)
  }

  /** The first time is one interval after the first arrival. */
  start(firstMs: number): void {
    this.pendingEvents++
    this.machinery.loop.schedule(firstMs + this.intervalMs, this.machinery.subjects.progress)
  }

  /** The router hears of this one as such. */
  firstTokenProduced(request: number): void {
    this.told[request] = 1
  }

  /** The time has come. */
  due(): void {
    const { machinery, news, told } = this
    this.pendingEvents--
    if (machinery.isOver) return
    this.start(machinery.clock.nowMs)
    const { fleet, specs } = machinery
    for (let rank = 0; rank < specs.length; rank++) {
      fleet.emitted(rank, (request, tokens) => {
        if (tokens > told[request]!) news.push({ request, tokens, rank })
      })
    }
    // Batches keep no order that would mean anything.
    news.sort((a, b) => machinery.ordinalOf(a.request) - machinery.ordinalOf(b.request))
    for (const { request, tokens, rank } of news.splice(0)) {
      told[request] = tokens
      this.desk.progressed(request, rank, tokens)
    }
  }
}

/**
 * @returns undefined when the routers do not want to know
 * @throws RouteSimError `options_invalid`
 */
export function progressFeedFor(machinery: Machinery, desk: RouterDesk): ProgressFeed | undefined {
  const { name, onProgress, progressIntervalMs } = desk.first
  if (onProgress === undefined) return undefined
  if (
    progressIntervalMs !== undefined &&
    progressIntervalMs > 0 &&
    Number.isFinite(progressIntervalMs)
  )
    return new ProgressFeed(progressIntervalMs, machinery, desk)
  throw new RouteSimError(
    `router "${name}": progressIntervalMs: expected a number > 0, got ${progressIntervalMs}`,
    { code: 'options_invalid', hint: 'A router with onProgress says how often it wants to hear.' },
  )
}
