import type { BackendColumns } from '@routesim/core'

/**
 * L = min(1, (Q + A) / maxQueueDepth): the requests a backend has, relative to its queue's length; 1 when
 * it takes none.
 */
export function queueLoad({ outstanding, maxQueueDepth }: BackendColumns, id: number): number {
  const depth = maxQueueDepth[id]!
  return depth > 0 ? Math.min(1, outstanding[id]! / depth) : 1
}

/** What each backend costs for its load alone, (w - 1)(1 - L): computed anew only where L has changed. */
export class LoadCosts {
  private readonly cacheWeight: number
  private costs = new Float64Array(0)
  private seen = new Int32Array(0)

  constructor(cacheWeight: number) {
    this.cacheWeight = cacheWeight
  }

  /** Writes the costs, by backend id. */
  write(columns: BackendColumns, out: Float64Array): void {
    const { outstanding, maxQueueDepth } = columns
    const size = outstanding.length
    if (this.costs.length !== size) {
      this.costs = new Float64Array(size)
      this.seen = new Int32Array(size).fill(-1)
    }
    const { costs, seen } = this
    for (let id = 0; id < size; id++) {
      if (outstanding[id] === seen[id]) continue
      costs[id] = -(1 - this.cacheWeight) * (1 - queueLoad(columns, id))
      seen[id] = maxQueueDepth[id]! > 0 ? outstanding[id]! : -1
    }
    out.set(costs)
  }
}
