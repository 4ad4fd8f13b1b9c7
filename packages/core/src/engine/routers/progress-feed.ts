import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import type { Machinery } from '../machinery.js'
import type { RouterDesk } from './router-desk.js'

/** Ordinals per request up to which they are put in order by going through all between the first and the last. */
const MOST_SPREAD = 64

/** Tells routers, at an interval, how many tokens their requests have got. */
export class ProgressFeed {
  /** Events yet to come. */
  pendingEvents = 0
  private readonly intervalMs: number
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private firstMs = 0
  /** Times that it was due so far. */
  private times = 0
  /** By row: tokens that the router has heard of. */
  private readonly told: Int32Array
  /** What is new, in the order in which it was told. */
  private requests = new Int32Array(64)
  private ordinals = new Int32Array(64)
  private tokens = new Int32Array(64)
  private ranks = new Int32Array(64)
  private count = 0
  /** The least and the largest of the ordinals. */
  private first = 0
  private last = 0
  /** By ordinal from the first on: a place in what is new, plus one; 0 for none. */
  private places = new Int32Array(64)
  /** The rank that tells, and how it does: one closure for all. */
  private rank = 0
  private readonly hear = (request: number, tokens: number): void => {
    if (tokens > this.told[request]!) this.push(request, tokens)
  }

  constructor(intervalMs: number, machinery: Machinery, desk: RouterDesk) {
    this.intervalMs = intervalMs
    this.machinery = machinery
    this.desk = desk
    this.told = new Int32Array(machinery.requests.size)
  }

  /** The first time is one interval after the first arrival. */
  start(firstMs: number): void {
    this.firstMs = firstMs
    this.awaitNext()
  }

  /** The router hears of this one as such. */
  firstTokenProduced(request: number): void {
    this.told[request] = 1
  }

  /** The time has come. */
  due(): void {
    const { machinery } = this
    this.pendingEvents--
    if (machinery.isOver) return
    this.awaitNext()
    const { fleet, specs } = machinery
    this.count = 0
    for (this.rank = 0; this.rank < specs.length; this.rank++) fleet.emitted(this.rank, this.hear)
    // Batches keep no order that would mean anything.
    const span = this.last - this.first + 1
    if (span <= MOST_SPREAD * (this.count + MOST_SPREAD)) this.tellBySpan(span)
    else this.tellSorted()
  }

  /** Multiples of the interval: sums would depend on the last bits of what else happens. */
  private awaitNext(): void {
    const { loop, clock, subjects } = this.machinery
    const dueMs = this.firstMs + ++this.times * this.intervalMs
    this.pendingEvents++
    loop.schedule(Math.max(dueMs, clock.nowMs), subjects.progress)
  }

  /** In order of arrival, for requests that came one soon after the other. */
  private tellBySpan(span: number): void {
    if (this.places.length < span) this.places = new Int32Array(2 * span)
    const { places, ordinals, first, count } = this
    for (let i = 0; i < count; i++) places[ordinals[i]! - first] = i + 1
    for (let at = 0, left = count; left > 0 && at < span; at++) {
      const place = places[at]!
      if (place === 0) continue
      places[at] = 0
      left--
      this.tell(place - 1)
    }
  }

  /** The same when some have been under way for very long. */
  private tellSorted(): void {
    const { ordinals } = this
    const order = Array.from({ length: this.count }, (_, i) => i)
    for (const i of order.sort((a, b) => ordinals[a]! - ordinals[b]!)) this.tell(i)
  }

  private tell(i: number): void {
    const request = this.requests[i]!
    this.told[request] = this.tokens[i]!
    this.desk.progressed(request, this.ranks[i]!, this.tokens[i]!)
  }

  private push(request: number, tokens: number): void {
    if (this.count === this.requests.length) this.grow()
    const i = this.count++
    const ordinal = this.machinery.ordinalOf(request)
    this.requests[i] = request
    this.ordinals[i] = ordinal
    this.tokens[i] = tokens
    this.ranks[i] = this.rank
    if (i === 0 || ordinal < this.first) this.first = ordinal
    if (i === 0 || ordinal > this.last) this.last = ordinal
  }

  private grow(): void {
    const { requests, ordinals, tokens, ranks } = this
    const size = 2 * requests.length
    this.requests = new Int32Array(size)
    this.requests.set(requests)
    this.ordinals = new Int32Array(size)
    this.ordinals.set(ordinals)
    this.tokens = new Int32Array(size)
    this.tokens.set(tokens)
    this.ranks = new Int32Array(size)
    this.ranks.set(ranks)
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
    `router "${name}": progressIntervalMs: expected a number > 0, got ${shown(progressIntervalMs)}`,
    { code: 'options_invalid', hint: 'A router with onProgress says how often it wants to hear.' },
  )
}
