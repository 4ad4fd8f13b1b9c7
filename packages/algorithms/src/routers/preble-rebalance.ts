import type { ClusterView, RequestView } from '@routesim/core'
import { LatencyTrend } from '../load/latency-trend.js'
import { grown } from '../pickers/column.js'
import { sortByKey } from '../pickers/sort-by-key.js'
import type { HomeLoads } from '../prefix-index/home-loads.js'

/** Requests of a home from which on it may move. */
const SHARED = 2
/** Nodes below its home, above which a prompt is a chain that is left where it is. */
const CHAIN = 3
/** How many times the TTFT of the earlier half of the window the later half has, where a home is overloaded. */
const RISE = 2

/** What {@link PrebleRebalance} goes by. */
export interface PrebleRebalanceOptions {
  /** Ratio of costs at which homes move; 0 for never. */
  readonly ratio: number
  /** Requests per backend before the first move. */
  readonly afterRequests: number
  readonly intervalMs: number
  readonly windowMs: number
  /** Cost of each request under way, in ms. */
  readonly perRequestMs: number
}

/**
 * Moves homes of prefixes from the backend with the highest cost to that with the lowest while the one has `ratio`
 * times the cost of the other: those with two requests or more, the cheapest first, as long as the lighter stays the
 * lighter. A single one is not moved but given to both, once the later half of its TTFTs on the heavier is twice the
 * earlier. Then the next heaviest, and so on.
 *
 * Source: handle_important_node_stealing of WukLab/preble, preble/global_scheduler_with_time.py at 8e7906a.
 */
export class PrebleRebalance {
  /** Homes moved or given to one more backend so far. */
  moves = 0
  private readonly homes: HomeLoads
  private readonly options: PrebleRebalanceOptions
  private readonly trend: LatencyTrend
  private homeByRequest = new Int32Array(0)
  private readonly candidates: number[] = []
  private readonly candidateCosts: number[] = []
  /** Backends whose homes may move, the heaviest first, and the loads of all by id. */
  private heavies = new Int32Array(0)
  private loads = new Float64Array(0)
  private sentRequests = 0
  private lookedMs = Number.NEGATIVE_INFINITY

  constructor(homes: HomeLoads, options: PrebleRebalanceOptions) {
    this.homes = homes
    this.options = options
    this.trend = new LatencyTrend(options.windowMs)
  }

  /** A request was handed to a backend. */
  began(request: number): void {
    const home = this.homeByRequest[request] ?? -1
    if (home !== -1) this.homes.changeActive(home, 1)
  }

  /** A request has ended. @param ttftMs - NaN when it had no first token */
  ended(request: number, backend: number, ttftMs: number, nowMs: number): void {
    const home = this.homeByRequest[request] ?? -1
    if (home === -1) return
    this.homeByRequest[request] = -1
    this.homes.changeActive(home, -1)
    if (!Number.isNaN(ttftMs)) this.trend.add(nowMs, home, backend, ttftMs)
  }

  /** A request was routed: looks whether homes should move. @param at - nodes of its prompt before its home */
  sent({ id }: RequestView, at: number, cluster: ClusterView): void {
    const { ratio, afterRequests, intervalMs } = this.options
    if (ratio === 0) return
    const { homes } = this
    const { ids, nowMs } = cluster
    this.setHome(id, homes.homeOf(at))
    if (++this.sentRequests < afterRequests * ids.length) return
    if (homes.depth - 1 - at >= CHAIN) return
    if (nowMs - this.lookedMs < intervalMs) return
    this.lookedMs = nowMs
    const lightest = this.weigh(cluster)
    if (lightest === -1) return
    const { heavies, loads } = this
    let count = 0
    for (let i = 0; i < ids.length; i++) {
      const heavy = ids[i]!
      if (cluster.columns.maxQueueDepth[heavy] === 0 || heavy === lightest) continue
      if (loads[heavy]! >= ratio * loads[lightest]!) heavies[count++] = heavy
    }
    sortByKey(heavies, count, loads, -1)
    for (let i = 0; i < count; i++) {
      const heavy = heavies[i]!
      if (loads[heavy]! < ratio * loads[lightest]!) return
      this.relieve(heavy, lightest, nowMs)
    }
  }

  /** Fills in the loads. @returns the backend with the lowest, of equals the last; -1 when none is too far from it */
  private weigh({ columns, ids }: ClusterView): number {
    const { perRequestMs, ratio } = this.options
    const { maxQueueDepth, outstanding } = columns
    if (this.loads.length < columns.waiting.length) {
      this.loads = new Float64Array(columns.waiting.length)
      this.heavies = new Int32Array(columns.waiting.length)
    }
    const { loads } = this
    const { sharedMs } = this.homes
    let least = Number.POSITIVE_INFINITY
    let lightest = -1
    let most = 0
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      if (maxQueueDepth[id] === 0) continue
      const load = sharedMs[id]! + perRequestMs * outstanding[id]!
      loads[id] = load
      if (load > most) most = load
      if (load > least) continue
      least = load
      lightest = id
    }
    return most > 0 && most >= ratio * least ? lightest : -1
  }

  private relieve(heavy: number, light: number, nowMs: number): void {
    const { homes, candidates } = this
    // One without a prefix that two requests have.
    if (homes.sharedMs[heavy] === 0) return
    const count = homes.homesOf(heavy, SHARED, candidates)
    if (count === 1) {
      const home = candidates[0]!
      if (homes.has(home, light) || !this.hasRisen(nowMs, home, heavy)) return
      this.shift(heavy, light, this.costMs(home) / 2)
      homes.replicate(home, light, nowMs)
      this.trend.reset(nowMs, homes.rowOf(home), heavy)
      this.moves++
      return
    }
    this.sortCandidates()
    for (let i = 0; i < count; i++) {
      const home = candidates[i]!
      // Moved along with another that begins it.
      if (!homes.has(home, heavy)) continue
      const cost = this.costMs(home)
      if (this.loads[heavy]! - cost < this.loads[light]! + cost) return
      this.shift(heavy, light, cost)
      homes.move(home, light, nowMs)
      this.moves++
      if (this.loads[heavy]! < this.options.ratio * this.loads[light]!) return
    }
  }

  private hasRisen(nowMs: number, node: number, backend: number): boolean {
    const { homes, trend } = this
    return trend.hasRisen(nowMs, homes.rowOf(node), backend, RISE, homes.sinceMsOf(node))
  }

  /** Puts the candidates in order of cost, the lowest first, of equals the older. */
  private sortCandidates(): void {
    const { candidates, candidateCosts: costs, homes } = this
    for (let i = 0; i < candidates.length; i++) {
      const home = candidates[i]!
      const cost = this.costMs(home)
      let at = i
      for (; at > 0; at--) {
        const before = costs[at - 1]!
        const other = candidates[at - 1]!
        if (before < cost || (before === cost && homes.isOlder(other, home))) break
        candidates[at] = other
        costs[at] = before
      }
      candidates[at] = home
      costs[at] = cost
    }
  }

  private shift(from: number, to: number, cost: number): void {
    this.loads[from] = this.loads[from]! - cost
    this.loads[to] = this.loads[to]! + cost
  }

  private costMs(home: number): number {
    return this.homes.shareMs(home) + this.options.perRequestMs * this.homes.activeOf(home)
  }

  private setHome(request: number, home: number): void {
    if (request >= this.homeByRequest.length) {
      const size = Math.max(256, 2 * (request + 1))
      this.homeByRequest = grown(this.homeByRequest, new Int32Array(size).fill(-1))
    }
    this.homeByRequest[request] = home
  }
}
