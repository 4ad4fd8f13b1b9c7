import type { BackendView, ClusterView } from '@routesim/core'
import type { LlumnixRequests } from './llumnix-requests.js'

/**
 * How many steps a backend could go on without more memory: (free KV blocks - blocks that waiting requests
 * demand) / requests, waiting ones included, at least 1. Below 0 it is overbooked. One that is not healthy
 * counts as wholly so.
 *
 * Its own requests without a first token stand for the demand while any wait, since routers are not told what
 * each of those that wait needs.
 *
 * Source: Sun et al., "Llumnix", OSDI 2024; AlibabaPAI/llumnix at 24220fb (remaining steps).
 */
export function freeness(backend: BackendView): number {
  const { healthy, waiting, running } = backend
  if (!healthy) return Number.NEGATIVE_INFINITY
  return (freeBlocks(backend) - demandedBlocks(backend)) / Math.max(1, waiting + running)
}

/** KV blocks that no running request holds. */
export function freeBlocks({ blockTokens, kvTokens, kvUsage }: BackendView): number {
  return ((1 - kvUsage) * kvTokens) / blockTokens
}

/** KV blocks that waiting requests need. */
export function demandedBlocks({ waiting, blockTokens, pendingPromptTokens }: BackendView): number {
  return waiting === 0 ? 0 : Math.ceil(pendingPromptTokens / blockTokens)
}

/** How much room each backend has, and which of them may be short of it. */
export class LlumnixRoom {
  /** {@link freeness} of each backend by id, as it was when it was last looked at; less than 0 where it is unknown. */
  freeness: Float64Array = new Float64Array(0)
  /** The same below 0: the cheapest has the most room. */
  costs: Float64Array = new Float64Array(0)
  /** Backends that compute prompts only, by id. */
  isPrefill: Uint8Array = new Uint8Array(0)
  private blockTokens = new Int32Array(0)
  private kvTokens = new Float64Array(0)
  /** {@link freeness} of each backend while it is empty. */
  private most = new Float64Array(0)
  /** Whether it is unknown how much room some backend has: then rooms can not be compared. */
  private isUnknown = false
  private seen: ArrayLike<number> | undefined
  private readonly threshold: number
  private readonly own: LlumnixRequests

  /**
   * @param threshold - freeness below which a backend is short of room
   * @param own - the requests of this router
   */
  constructor(threshold: number, own: LlumnixRequests) {
    this.threshold = threshold
    this.own = own
  }

  /** Looks at all backends, without asking view objects. O(backends) @returns whether any is short of room */
  update(cluster: ClusterView): boolean {
    const { ids, columns } = cluster
    if (ids !== this.seen) this.read(cluster)
    if (this.isUnknown) return this.compareRequests(cluster)
    const { waiting, running, pendingPromptTokens, maxQueueDepth } = columns
    const { freeness, costs, blockTokens, kvTokens, most, threshold } = this
    const usages = cluster.kvUsages()
    const size = ids.length
    let isAnyShort = false
    for (let i = 0; i < size; i++) {
      const id = ids[i]!
      const inQueue = waiting[id]!
      const requests = inQueue + running[id]!
      const usage = usages[id]!
      let left = most[id]!
      // Most of a large fleet is empty, most of the time.
      if (usage !== 0 || requests !== 0) {
        const demanded = inQueue === 0 ? 0 : Math.ceil(pendingPromptTokens[id]! / blockTokens[id]!)
        left = ((1 - usage) * kvTokens[id]!) / blockTokens[id]! - demanded
        if (requests > 1) left /= requests
      }
      if (maxQueueDepth[id] === 0) left = Number.NEGATIVE_INFINITY
      if (left < threshold) isAnyShort = true
      freeness[id] = left
      costs[id] = -left
    }
    return isAnyShort
  }

  /** Whether a backend with requests of this router is short of room. Looks at those that may be. */
  isAnyShort(cluster: ClusterView): boolean {
    const { ids, backends } = cluster
    if (ids !== this.seen) this.read(cluster)
    if (this.isUnknown) return false
    let isAny = false
    for (let i = 0; i < ids.length; i++) {
      if (this.own.countOn(ids[i]!) === 0 || !this.mayBeShort(cluster, backends[i]!)) continue
      this.freeness[ids[i]!] = freeness(backends[i]!)
      if (this.freeness[ids[i]!]! < this.threshold) isAny = true
    }
    return isAny
  }

  /** {@link mayBeShort} of any backend. O(backends) */
  mayAnyBeShort(cluster: ClusterView): boolean {
    const { ids, backends } = cluster
    for (let i = 0; i < ids.length; i++) {
      if (this.own.countOn(ids[i]!) > 0 && this.mayBeShort(cluster, backends[i]!)) return true
    }
    return false
  }

  /**
   * Whether a backend with requests of this router may be short of room, or come to be before the router hears
   * of anything else: unless all that is there is its own and would leave room at its longest. O(1)
   */
  mayBeShort({ columns }: ClusterView, backend: BackendView): boolean {
    const { id, role, blockTokens, kvTokens } = backend
    const { own, threshold } = this
    const count = own.countOn(id)
    if (count === 0 || role === 'prefill' || this.isUnknown) return false
    if (columns.maxQueueDepth[id] === 0 || this.freeness[id]! < threshold) return true
    // Requests of others, or figures of another time.
    if (columns.waiting[id]! + columns.running[id]! > count || backend.metricsAgeMs > 0) return true
    // Those without a first token may demand blocks, and hold them; one more block is for rounding.
    const demanded = Math.ceil(columns.pendingPromptTokens[id]! / blockTokens)
    const left = kvTokens / blockTokens - own.mostBlocks[id]! - demanded - 1
    return left < 0 || left / count < threshold
  }

  /** The fewest requests are the most room, of equals the least KV usage; nobody is taken to be short. */
  private compareRequests(cluster: ClusterView): false {
    const { ids, columns } = cluster
    const usages = cluster.kvUsages()
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      this.costs[id] = columns.waiting[id]! + columns.running[id]! + usages[id]!
      this.freeness[id] = -this.costs[id]!
    }
    return false
  }

  private read({ backends, columns, ids }: ClusterView): void {
    this.seen = ids
    this.isUnknown = false
    const size = columns.waiting.length
    if (this.freeness.length < size) {
      this.freeness = new Float64Array(size)
      this.costs = new Float64Array(size)
      this.isPrefill = new Uint8Array(size)
      this.blockTokens = new Int32Array(size)
      this.kvTokens = new Float64Array(size)
      this.most = new Float64Array(size)
    }
    for (const { id, role, blockTokens, kvTokens } of backends) {
      if (kvTokens === 0) this.isUnknown = true
      this.isPrefill[id] = role === 'prefill' ? 1 : 0
      this.blockTokens[id] = blockTokens
      this.kvTokens[id] = kvTokens
      this.most[id] = kvTokens / blockTokens
    }
  }
}
