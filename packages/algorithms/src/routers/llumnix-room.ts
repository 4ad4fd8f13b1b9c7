import type { ClusterView } from '@routesim/core'

/** How much room each backend has, as columns by id: {@link freeness} without asking view objects. */
export class LlumnixRoom {
  /** Freeness of each backend, as of the last update. */
  freeness: Float64Array = new Float64Array(0)
  /** Backends that compute prompts only, by id. */
  isPrefill: Uint8Array = new Uint8Array(0)
  private blockTokens = new Int32Array(0)
  private kvTokens = new Float64Array(0)
  private seen: ArrayLike<number> | undefined

  /** Brings {@link freeness} up to date. O(backends) */
  update(cluster: ClusterView): void {
    const { ids, columns } = cluster
    if (ids !== this.seen) this.read(cluster)
    const { waiting, running, pendingPromptTokens, maxQueueDepth } = columns
    const { freeness, blockTokens, kvTokens } = this
    const usages = cluster.kvUsages()
    const size = ids.length
    for (let i = 0; i < size; i++) {
      const id = ids[i]!
      const inQueue = waiting[id]!
      const requests = inQueue + running[id]!
      const demanded = inQueue === 0 ? 0 : Math.ceil(pendingPromptTokens[id]! / blockTokens[id]!)
      const left = ((1 - usages[id]!) * kvTokens[id]!) / blockTokens[id]! - demanded
      const isHealthy = maxQueueDepth[id]! > 0
      freeness[id] = isHealthy ? (requests > 1 ? left / requests : left) : Number.NEGATIVE_INFINITY
    }
  }

  /**
   * Whether any backend that decodes has less freeness than that. One without requests has none to be moved, so it
   * is not asked: most of a large fleet, most of the time.
   */
  hasLessThan(threshold: number, cluster: ClusterView): boolean {
    const { ids, columns, backends } = cluster
    if (ids !== this.seen) this.read(cluster)
    const { waiting, running, outstanding, pendingPromptTokens, maxQueueDepth } = columns
    const size = ids.length
    for (let i = 0; i < size; i++) {
      const id = ids[i]!
      const requests = waiting[id]! + running[id]!
      if (requests === 0 && outstanding[id] === 0) continue
      if (this.isPrefill[id] === 1) continue
      if (maxQueueDepth[id] === 0) return true
      const blockTokens = this.blockTokens[id]!
      const demanded = waiting[id] === 0 ? 0 : Math.ceil(pendingPromptTokens[id]! / blockTokens)
      const left = ((1 - backends[i]!.kvUsage) * this.kvTokens[id]!) / blockTokens - demanded
      if (left / Math.max(1, requests) < threshold) return true
    }
    return false
  }

  private read({ backends, columns, ids }: ClusterView): void {
    this.seen = ids
    const size = columns.waiting.length
    if (this.freeness.length < size) {
      this.freeness = new Float64Array(size)
      this.isPrefill = new Uint8Array(size)
      this.blockTokens = new Int32Array(size)
      this.kvTokens = new Float64Array(size)
    }
    for (const { id, role, blockTokens, kvTokens } of backends) {
      this.isPrefill[id] = role === 'prefill' ? 1 : 0
      this.blockTokens[id] = blockTokens
      this.kvTokens[id] = kvTokens
    }
  }
}
