/** A request that waits at the router. */
export interface SloRequest {
  readonly id: number
  readonly arrivalMs: number
  /** Which queue it is in. */
  readonly key: number
  /** What it takes of a backend, up to 1. */
  readonly share: number
  /** Expected latency less what is aimed at, in ms. */
  readonly excessMs: number
}

/**
 * Requests in queues by their lengths, first come first served in each. The heads compete: the one that is latest by
 * what is expected of it goes first, of equals the one that came first.
 */
export class SloQueue {
  private readonly queues = new Map<number, SloRequest[]>()
  /** Those of the queues in which somebody waits, in any order. */
  private readonly open: SloRequest[][] = []
  private readonly byId = new Map<number, SloRequest>()

  /** Requests that wait. */
  get size(): number {
    return this.byId.size
  }

  /** The request of an id, undefined when it does not wait. */
  of(id: number): SloRequest | undefined {
    return this.byId.get(id)
  }

  /** Puts a request behind those of its lengths. */
  push(request: SloRequest): void {
    let queue = this.queues.get(request.key)
    if (queue === undefined) {
      queue = []
      this.queues.set(request.key, queue)
    }
    if (queue.push(request) === 1) this.open.push(queue)
    this.byId.set(request.id, request)
  }

  /** The latest head that takes at most so much, undefined when none does. O(queues). */
  latest(nowMs: number, room: number): SloRequest | undefined {
    const { open } = this
    let latest: SloRequest | undefined
    for (let i = 0; i < open.length; i++) {
      const head = open[i]![0]!
      if (head.share > room) continue
      if (latest === undefined || goesBefore(head, latest, nowMs)) latest = head
    }
    return latest
  }

  /** Takes out a request wherever it waits. */
  remove({ id, key }: SloRequest): void {
    this.byId.delete(id)
    const queue = this.queues.get(key)!
    let at = 0
    while (queue[at]!.id !== id) at++
    for (; at < queue.length - 1; at++) queue[at] = queue[at + 1]!
    queue.pop()
    if (queue.length > 0) return
    const { open } = this
    open[open.indexOf(queue)] = open[open.length - 1]!
    open.pop()
  }
}

function goesBefore(a: SloRequest, b: SloRequest, nowMs: number): boolean {
  const difference = nowMs - a.arrivalMs + a.excessMs - (nowMs - b.arrivalMs + b.excessMs)
  if (difference !== 0) return difference > 0
  return a.arrivalMs !== b.arrivalMs ? a.arrivalMs < b.arrivalMs : a.id < b.id
}
