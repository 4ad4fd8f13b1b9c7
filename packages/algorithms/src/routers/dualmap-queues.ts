import type { ClusterView } from '@routesim/core'
import { grown } from '../pickers/column.js'

const NOWHERE = -1
const nothing: readonly DualmapRequest[] = []

/** A request that waits at the router. Objects are used again: one is valid until it is given back. */
export class DualmapRequest {
  id: number = NOWHERE
  arrivalMs = 0
  promptTokens = 0
  /** Its two backends. */
  first: number = NOWHERE
  second: number = NOWHERE
  /** Leading prompt tokens that each backend held when it came, by id. */
  matched: Float64Array = new Float64Array(0)
}

/** Prompt tokens of a request that a backend would have to compute. */
export function uncachedOn({ promptTokens, matched }: DualmapRequest, backend: number): number {
  return promptTokens - Math.min(promptTokens, matched[backend]!)
}

/**
 * The requests that wait for each backend: those with the longest match first, then by arrival. No allocation once
 * as many have waited at a time.
 */
export class DualmapQueues {
  /** Requests that wait for each backend, by id. */
  lengths: Int32Array = new Int32Array(0)
  /** Uncached tokens that wait for each backend, by id. */
  tokens: Float64Array = new Float64Array(0)
  /** When the one that came first of those that wait for each backend came, in ms by id. */
  private firstMs = new Float64Array(0)
  /** Backends for which somebody waits, and for which more than one does: a bit for each, by id. */
  private waiting = new Int32Array(0)
  private crowd = new Int32Array(0)
  private readonly queues: DualmapRequest[][] = []
  /** By row: where the request waits, plus one. */
  private places = new Int32Array(0)
  private readonly spare: DualmapRequest[] = []
  private count = 0

  /** Requests that wait. */
  get size(): number {
    return this.count
  }

  /** Makes room for a fleet. */
  reserve(backends: number): void {
    if (backends <= this.lengths.length) return
    this.lengths = grown(this.lengths, new Int32Array(backends))
    this.tokens = grown(this.tokens, new Float64Array(backends))
    this.firstMs = grown(this.firstMs, new Float64Array(backends).fill(Number.POSITIVE_INFINITY))
    while (this.queues.length < backends) this.queues.push([])
    const words = (backends + 31) >>> 5
    this.waiting = grown(this.waiting, new Int32Array(words))
    this.crowd = grown(this.crowd, new Int32Array(words))
  }

  /** The first backend from an id on for which somebody waits, -1 for none. */
  nextWaiting(from: number): number {
    return nextOf(this.waiting, from)
  }

  /** The same of those for which more than one waits. */
  nextCrowded(from: number): number {
    return nextOf(this.crowd, from)
  }

  /** A request to fill in, with room for what each backend holds. */
  take(backends: number): DualmapRequest {
    const request = this.spare.pop() ?? new DualmapRequest()
    if (request.matched.length < backends) request.matched = new Float64Array(backends)
    return request
  }

  /** A request waits no longer: its object may be used for another. */
  giveBack(request: DualmapRequest): void {
    this.spare.push(request)
  }

  /** The requests that wait for a backend, in order. */
  of(backend: number): readonly DualmapRequest[] {
    return this.queues[backend] ?? nothing
  }

  /** The backend that a request waits for, -1 for none. */
  placeOf(id: number): number {
    return id < this.places.length ? this.places[id]! - 1 : NOWHERE
  }

  /** Uncached tokens that wait for a backend before the turn of a request. O(queue). */
  tokensAhead(backend: number, request: DualmapRequest): number {
    const queue = this.of(backend)
    let tokens = 0
    for (let i = 0; i < queue.length; i++) {
      const other = queue[i]!
      if (!goesBefore(other, request, backend)) break
      tokens += uncachedOn(other, backend)
    }
    return tokens
  }

  /** How long the one that came first has waited for a backend, in ms; 0 or less when none waits. */
  longestWaitMs(backend: number, { nowMs }: Pick<ClusterView, 'nowMs'>): number {
    return nowMs - this.firstMs[backend]!
  }

  /** Puts a request where its turn is. O(queue). */
  push(request: DualmapRequest, backend: number): void {
    this.reserve(backend + 1)
    const queue = this.queues[backend]!
    queue.push(request)
    let at = queue.length - 1
    for (; at > 0 && goesBefore(request, queue[at - 1]!, backend); at--) queue[at] = queue[at - 1]!
    queue[at] = request
    if (request.id >= this.places.length) {
      this.places = grown(this.places, new Int32Array(Math.max(1024, 2 * (request.id + 1))))
    }
    this.places[request.id] = backend + 1
    this.lengths[backend] = queue.length
    this.tokens[backend] = this.tokens[backend]! + uncachedOn(request, backend)
    if (request.arrivalMs < this.firstMs[backend]!) this.firstMs[backend] = request.arrivalMs
    this.count++
    if (queue.length === 1) flip(this.waiting, backend)
    if (queue.length === 2) flip(this.crowd, backend)
  }

  /** Takes out the request whose turn it is. */
  shift(backend: number): DualmapRequest | undefined {
    return this.of(backend).length === 0 ? undefined : this.removeAt(backend, 0)
  }

  /** Takes out a request wherever it waits. */
  remove(id: number): DualmapRequest | undefined {
    const backend = this.placeOf(id)
    if (backend === NOWHERE) return undefined
    const queue = this.of(backend)
    let at = 0
    while (queue[at]!.id !== id) at++
    return this.removeAt(backend, at)
  }

  private removeAt(backend: number, at: number): DualmapRequest {
    const queue = this.queues[backend]!
    const request = queue[at]!
    for (let i = at + 1; i < queue.length; i++) queue[i - 1] = queue[i]!
    queue.pop()
    this.places[request.id] = 0
    this.lengths[backend] = queue.length
    this.tokens[backend] = this.tokens[backend]! - uncachedOn(request, backend)
    if (request.arrivalMs === this.firstMs[backend]) this.firstMs[backend] = firstOf(queue)
    this.count--
    if (queue.length === 0) flip(this.waiting, backend)
    if (queue.length === 1) flip(this.crowd, backend)
    return request
  }
}

function goesBefore(a: DualmapRequest, b: DualmapRequest, backend: number): boolean {
  const difference = a.matched[backend]! - b.matched[backend]!
  if (difference !== 0) return difference > 0
  return a.arrivalMs !== b.arrivalMs ? a.arrivalMs < b.arrivalMs : a.id < b.id
}

/** When the one that came first came, in ms; Infinity for none. */
function firstOf(queue: readonly DualmapRequest[]): number {
  let firstMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < queue.length; i++) {
    if (queue[i]!.arrivalMs < firstMs) firstMs = queue[i]!.arrivalMs
  }
  return firstMs
}

function flip(bits: Int32Array, at: number): void {
  bits[at >>> 5] = bits[at >>> 5]! ^ (1 << (at & 31))
}

/** The first bit that is set, from one on; -1 for none. */
function nextOf(bits: Int32Array, from: number): number {
  let word = from >>> 5
  if (word >= bits.length) return NOWHERE
  let left = bits[word]! & (-1 << (from & 31))
  while (left === 0) {
    if (++word === bits.length) return NOWHERE
    left = bits[word]!
  }
  return (word << 5) + 31 - Math.clz32(left & -left)
}
