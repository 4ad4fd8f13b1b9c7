import type { ClusterView, RequestView } from '@routesim/core'
import { LatencyTrend } from '../load/latency-trend.js'
import { grown } from '../pickers/column.js'
import { HomeLoads } from '../prefix-index/home-loads.js'
import type { PromptPath } from '../prompt/prompt-path.js'

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
  /** Requests under way, by home. */
  private active = new Int32Array(0)
  private homeByRequest = new Int32Array(0)
  private readonly candidates: number[] = []
  private readonly order: number[] = []
  private readonly costOf = (home: number): number => this.costMs(home)
  private readonly negatedLoad = (backend: number): number => -this.loads[backend]!
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
    this.addActive(this.homeByRequest[request] ?? -1, 1)
  }

  /** A request has ended. @param ttftMs - NaN when it had no first token */
  ended(request: number, backend: number, ttftMs: number, nowMs: number): void {
    const home = this.homeByRequest[request] ?? -1
    if (home === -1 || this.options.ratio === 0) return
    this.addActive(home, -1)
    if (!Number.isNaN(ttftMs)) this.trend.add(nowMs, home, backend, ttftMs)
  }

  /** A request was routed: looks whether homes should move. */
  sent({ id, promptTokens }: RequestView, path: PromptPath, cluster: ClusterView): void {
    const { ratio, afterRequests, intervalMs } = this.options
    if (ratio === 0) return
    const { ids, nowMs } = cluster
    const at = HomeLoads.homeAt(path, promptTokens)
    this.setHome(id, at === path.length ? -1 : path.ids[at]!)
    if (++this.sentRequests < afterRequests * ids.length) return
    const leaf = path.length - (promptTokens > path.tokens ? 0 : 1)
    if (leaf - at >= CHAIN) return
    if (nowMs - this.lookedMs < intervalMs) return
    this.lookedMs = nowMs
    if (!this.isUneven(cluster)) return
    this.order.length = 0
    for (let i = 0; i < ids.length; i++) {
      if (cluster.columns.maxQueueDepth[ids[i]!]! > 0) this.order.push(ids[i]!)
    }
    sortBy(this.order, this.negatedLoad)
    const lightest = this.order[this.order.length - 1]!
    for (let i = 0; i < this.order.length - 1; i++) {
      const heavy = this.order[i]!
      if (this.loads[heavy]! < ratio * this.loads[lightest]!) return
      this.relieve(heavy, lightest, nowMs)
    }
  }

  private isUneven({ columns, ids }: ClusterView): boolean {
    const { perRequestMs, ratio } = this.options
    if (this.loads.length < columns.waiting.length) {
      this.loads = new Float64Array(columns.waiting.length)
    }
    let least = Number.POSITIVE_INFINITY
    let most = 0
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      if (columns.maxQueueDepth[id] === 0) continue
      const load = this.homes.sharedMs[id]! + perRequestMs * columns.outstanding[id]!
      this.loads[id] = load
      least = Math.min(least, load)
      most = Math.max(most, load)
    }
    return most > 0 && most >= ratio * least
  }

  private relieve(heavy: number, light: number, nowMs: number): void {
    const { homes, candidates } = this
    // One without a prefix that two requests have.
    if (homes.sharedMs[heavy] === 0) return
    const count = homes.homesOf(heavy, SHARED, candidates)
    if (count === 1) {
      const home = candidates[0]!
      if (homes.has(home, light) || !this.trend.hasRisen(nowMs, home, heavy, RISE)) return
      this.shift(heavy, light, this.costMs(home) / 2)
      homes.replicate(home, light, nowMs)
      this.trend.reset(nowMs, home, heavy)
      this.moves++
      return
    }
    sortBy(candidates, this.costOf)
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

  private shift(from: number, to: number, cost: number): void {
    this.loads[from] = this.loads[from]! - cost
    this.loads[to] = this.loads[to]! + cost
  }

  private costMs(home: number): number {
    return this.homes.shareMs(home) + this.options.perRequestMs * (this.active[home] ?? 0)
  }

  private addActive(home: number, change: 1 | -1): void {
    if (home === -1 || this.options.ratio === 0) return
    if (home >= this.active.length) this.active = grown(this.active, rowsFor(home))
    this.active[home] = this.active[home]! + change
  }

  private setHome(request: number, home: number): void {
    if (request >= this.homeByRequest.length) {
      this.homeByRequest = grown(this.homeByRequest, rowsFor(request).fill(-1))
    }
    this.homeByRequest[request] = home
  }
}

/** A column with room for an index and as many again. */
const rowsFor = (index: number): Int32Array<ArrayBuffer> =>
  new Int32Array(Math.max(256, 2 * (index + 1)))

/** Sorts a short list in place by a figure, the lowest first, of equals the lower number, without allocation. */
function sortBy(list: number[], figure: (each: number) => number): void {
  for (let i = 1; i < list.length; i++) {
    const each = list[i]!
    const value = figure(each)
    let at = i
    for (; at > 0; at--) {
      const other = list[at - 1]!
      const difference = figure(other) - value
      if (difference < 0 || (difference === 0 && other < each)) break
      list[at] = other
    }
    list[at] = each
  }
}
