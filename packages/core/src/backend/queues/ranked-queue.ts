import type { LocalQueue } from './local-queue.js'

interface Entry {
  readonly rank: number
  /** Grows with every request that joins, sinks with every one that comes back. */
  readonly turn: number
  readonly request: number
}

/** A binary heap by rank, first come first served among equals. O(log waiting) for each request. */
export class RankedQueue implements LocalQueue {
  private readonly rankOf: (request: number) => number
  private readonly heap: Entry[] = []
  /** Those who were passed over in this round. */
  private readonly aside: Entry[] = []
  private latest = 0
  private earliest = 0

  constructor(rankOf: (request: number) => number) {
    this.rankOf = rankOf
  }

  peek(): number {
    return this.heap[0]?.request ?? -1
  }

  /** @throws RouteSimError `policy_failed` when there is no rank for it */
  push(request: number, isFirst: boolean): void {
    const rank = this.rankOf(request)
    this.insert({ rank, turn: isFirst ? --this.earliest : ++this.latest, request })
  }

  private insert(entry: Entry): void {
    const { heap } = this
    let i = heap.length
    for (; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!isBefore(entry, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = entry
  }

  pop(): number {
    const { heap } = this
    const { request } = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return request
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return request
  }

  setAside(): void {
    this.aside.push(this.heap[0]!)
    this.pop()
  }

  endRound(): void {
    for (const entry of this.aside.splice(0)) this.insert(entry)
  }

  remove(request: number): boolean {
    const { heap } = this
    const at = heap.findIndex((entry) => entry.request === request)
    if (at < 0) return false
    heap.splice(at, 1)
    // What is sorted is a heap.
    heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    return true
  }

  clear(): void {
    this.heap.length = 0
  }

  /** Ranks do not change. */
  arrange(): void {}
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.rank !== b.rank ? a.rank < b.rank : a.turn < b.turn
}
