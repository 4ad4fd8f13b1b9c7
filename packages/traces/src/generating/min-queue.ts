/** Numbers by time, the earliest first; of equal times the one that was pushed first. */
export class MinQueue {
  private readonly heap: { readonly ms: number; readonly order: number; readonly value: number }[] =
    []
  private pushed = 0

  push(ms: number, value: number): void {
    const { heap } = this
    const item = { ms, order: this.pushed++, value }
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!isBefore(item, heap[up]!)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = item
  }

  /** Takes the earliest; `undefined` when there is none. */
  pop(): { readonly ms: number; readonly value: number } | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++
      if (!isBefore(heap[down]!, last)) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = last
    return first
  }
}

interface Ordered {
  readonly ms: number
  readonly order: number
}

function isBefore(a: Ordered, b: Ordered): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.order < b.order)
}
