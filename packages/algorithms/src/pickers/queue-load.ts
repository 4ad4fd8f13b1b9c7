import type { BackendColumns } from '@routesim/core'

/**
 * L = min(1, (Q + A) / maxQueueDepth) of every backend: the requests it has, relative to its queue's
 * length; 1 when it takes none. What has not changed since it was last asked for is not computed again.
 */
export class QueueLoads {
  private loads = new Float64Array(0)
  private outstanding = new Float64Array(0)
  private depth = new Float64Array(0)

  /** L by backend id; valid until the next call. */
  update({ outstanding, maxQueueDepth }: BackendColumns): Float64Array {
    const size = outstanding.length
    if (this.loads.length !== size) {
      this.loads = new Float64Array(size)
      this.outstanding = new Float64Array(size).fill(Number.NaN)
      this.depth = new Float64Array(size)
    }
    for (let id = 0; id < size; id++) {
      const requests = outstanding[id]!
      const depth = maxQueueDepth[id]!
      if (requests === this.outstanding[id] && depth === this.depth[id]) continue
      this.outstanding[id] = requests
      this.depth[id] = depth
      this.loads[id] = depth > 0 ? Math.min(1, requests / depth) : 1
    }
    return this.loads
  }
}
