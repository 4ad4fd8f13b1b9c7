/** A request that waits at the router. */
export interface DualmapRequest {
  readonly id: number
  readonly arrivalMs: number
  readonly promptTokens: number
  /** Its two backends. */
  readonly first: number
  readonly second: number
  /** Leading prompt tokens that each backend held when it came, by id. */
  readonly matched: ArrayLike<number>
}

/** Prompt tokens of a request that a backend would have to compute. */
export function uncachedOn({ promptTokens, matched }: DualmapRequest, backend: number): number {
  return promptTokens - Math.min(promptTokens, matched[backend]!)
}

/** The requests that wait for each backend: those with the longest match first, then by arrival. */
export class DualmapQueues {
  private readonly queues = new Map<number, DualmapRequest[]>()
  /** Where each request waits. */
  private readonly places = new Map<number, number>()

  /** Requests that wait. */
  get size(): number {
    return this.places.size
  }

  /** The requests that wait for a backend, in order. */
  of(backend: number): readonly DualmapRequest[] {
    return this.queues.get(backend) ?? []
  }

  /** The backend that a request waits for, -1 for none. */
  placeOf(id: number): number {
    return this.places.get(id) ?? -1
  }

  /** Uncached tokens that wait for a backend. */
  tokens(backend: number): number {
    return this.tokensAhead(backend, undefined)
  }

  /** The same, of those that go before a request; of all without one. O(queue). */
  tokensAhead(backend: number, request: DualmapRequest | undefined): number {
    let tokens = 0
    for (const other of this.of(backend)) {
      if (request !== undefined && !goesBefore(other, request, backend)) break
      tokens += uncachedOn(other, backend)
    }
    return tokens
  }

  /** How long the one that came first has waited for a backend, in ms; 0 when none waits. */
  longestWaitMs(backend: number, nowMs: number): number {
    let longest = 0
    for (const { arrivalMs } of this.of(backend)) longest = Math.max(longest, nowMs - arrivalMs)
    return longest
  }

  /** Puts a request where its turn is. O(queue). */
  push(request: DualmapRequest, backend: number): void {
    const queue = this.queues.get(backend) ?? []
    this.queues.set(backend, queue)
    let at = queue.length
    while (at > 0 && goesBefore(request, queue[at - 1]!, backend)) at--
    queue.splice(at, 0, request)
    this.places.set(request.id, backend)
  }

  /** Takes out the request whose turn it is. */
  shift(backend: number): DualmapRequest | undefined {
    const request = this.queues.get(backend)?.shift()
    if (request !== undefined) this.places.delete(request.id)
    return request
  }

  /** Takes out a request wherever it waits. */
  remove(id: number): DualmapRequest | undefined {
    const backend = this.places.get(id)
    if (backend === undefined) return undefined
    this.places.delete(id)
    const queue = this.queues.get(backend)!
    const at = queue.findIndex((each) => each.id === id)
    return queue.splice(at, 1)[0]
  }
}

function goesBefore(a: DualmapRequest, b: DualmapRequest, backend: number): boolean {
  const difference = a.matched[backend]! - b.matched[backend]!
  if (difference !== 0) return difference > 0
  return a.arrivalMs !== b.arrivalMs ? a.arrivalMs < b.arrivalMs : a.id < b.id
}
