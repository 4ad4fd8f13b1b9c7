import type { BackendColumns } from '@routesim/core'

/**
 * Queue loads of all backends, L = min(1, (Q + A) / maxQueueDepth): the requests a backend has, relative
 * to its queue's length; 1 when it takes none. Computed anew only where the requests have changed.
 */
export class QueueLoads {
  /** L by backend id, as of the last update. */
  loads: Float64Array = new Float64Array(0)
  /** What each backend costs for its load alone, (w - 1)(1 - L), by id. */
  costs: Float64Array = new Float64Array(0)
  private readonly cacheWeight: number
  private seen = new Int32Array(0)

  /** @param cacheWeight - w, the weight of a cached prefix against a short queue, 0 to 1 */
  constructor(cacheWeight: number) {
    this.cacheWeight = cacheWeight
  }

  /** Brings the columns up to date. */
  update({ outstanding, maxQueueDepth }: BackendColumns): void {
    const size = outstanding.length
    if (this.loads.length !== size) {
      this.loads = new Float64Array(size)
      this.costs = new Float64Array(size)
      this.seen = new Int32Array(size).fill(-1)
    }
    const { loads, costs, seen, cacheWeight } = this
    for (let from = 0; from < size; from += 4) {
      const to = Math.min(from + 4, size)
      // Four at a time: V8 does not unroll loops, and most have not changed.
      if (to - from === 4) {
        const changes =
          (outstanding[from]! ^ seen[from]!) |
          (outstanding[from + 1]! ^ seen[from + 1]!) |
          (outstanding[from + 2]! ^ seen[from + 2]!) |
          (outstanding[from + 3]! ^ seen[from + 3]!)
        if (changes === 0) continue
      }
      for (let id = from; id < to; id++) {
        if (outstanding[id] === seen[id]) continue
        const depth = maxQueueDepth[id]!
        const load = depth > 0 ? Math.min(1, outstanding[id]! / depth) : 1
        loads[id] = load
        costs[id] = -(1 - cacheWeight) * (1 - load)
        seen[id] = depth > 0 ? outstanding[id]! : -1
      }
    }
  }
}
