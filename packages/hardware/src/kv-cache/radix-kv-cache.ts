import type {
  BackendSet,
  KvCacheFactory,
  KvCapacity,
  KvListener,
  KvUsage,
  RadixPlan,
  RenewableKvCache,
  RequestTable,
} from '@routesim/core'
import { BlockTree } from './block-tree.js'
import { ExtentPins } from './extent-pins.js'
import {
  AT,
  BLOCKS,
  broken,
  HELD_EXTENT,
  Holdings,
  NEXT_HOLDING,
  OWN,
  PATH_END,
  PINS,
  REQUEST,
} from './holdings.js'
import { LruSegments } from './lru-segments.js'
import { WIDE_FROM } from './node-holders.js'
import type { PagedKvCacheOptions } from './paged-kv-cache.js'
import { BACKEND, PARENT, PINNED, PrefixIndex, RESIDENT, SEGMENT, START } from './prefix-index.js'
import { RadixTiers } from './radix-tiers.js'

const NONE = -1

/**
 * The same KV caches as {@link pagedKvCache}, block for block, at a cost per run of blocks instead of
 * per block. What a backend holds of a tree node is one extent; because requests hold prefixes, and
 * what is resident is closed under prefixes, an extent is a pinned part followed by evictable parts.
 * All backends share one tree, so one walk of a prompt's path finds its match on every backend.
 *
 * With `take` and `leave`, an engine may allocate for many decode steps at once.
 */
export class RadixKvCache implements RenewableKvCache {
  readonly sharesPrefixes: boolean
  private readonly capacity: readonly KvCapacity[]
  /** Per backend. */
  protected readonly blockTokens: Int32Array
  private readonly capacityTokens: Float64Array
  private readonly index: PrefixIndex
  private readonly holdings: Holdings
  private readonly lru: LruSegments
  private readonly freeBlocks: Int32Array
  private readonly evicted: Float64Array
  private readonly pins: ExtentPins
  private readonly path: Int32Array
  /** Where evicted blocks go. */
  private readonly tiers: RadixTiers

  constructor(
    requests: RequestTable,
    capacity: readonly KvCapacity[],
    isCaching: boolean,
    wideFrom: number = WIDE_FROM,
  ) {
    this.capacity = capacity
    this.blockTokens = Int32Array.from(capacity, ({ blockTokens }) => blockTokens)
    this.capacityTokens = Float64Array.from(
      capacity,
      ({ blocks, blockTokens }) => blocks * blockTokens,
    )
    this.sharesPrefixes = isCaching
    this.index = new PrefixIndex(requests, capacity, wideFrom)
    this.path = new Int32Array(this.index.depth)
    this.lru = new LruSegments(capacity.length)
    this.freeBlocks = Int32Array.from(capacity, ({ blocks }) => blocks)
    this.evicted = new Float64Array(capacity.length)
    this.holdings = new Holdings(requests.size)
    this.tiers = new RadixTiers(this.index, capacity)
    this.pins = new ExtentPins(this.index, this.holdings, this.lru, this.freeBlocks)
  }

  match(request: number, out: Int32Array): void {
    if (this.sharesPrefixes) this.index.match(request, out)
    else out.fill(0)
  }

  holders(request: number, among: BackendSet, out: Int32Array): number {
    return this.sharesPrefixes ? this.index.holdersOfAny(request, among, out) : 0
  }

  matchOn(backend: number, request: number, tokens: number): number {
    if (!this.sharesPrefixes) return 0
    const e = this.index.deepest(backend, request)
    if (e === NONE) return 0
    const blockTokens = this.blockTokens[backend]!
    const resident = this.index.extents.data[e + RESIDENT]!
    return Math.min(resident, (tokens / blockTokens) | 0) * blockTokens
  }

  admit(backend: number, request: number, cachedTokens: number, tokens: number): boolean {
    const blockTokens = this.blockTokens[backend]!
    const cached = (cachedTokens / blockTokens) | 0
    const blocks = ((tokens + blockTokens - 1) / blockTokens) | 0
    const available = this.available(backend)
    if (blocks - cached > available) return false
    if (cached > 0 && blocks - cached > available - this.evictableAmong(backend, request, cached)) {
      return false
    }
    const pathEnd = this.index.pathBlocks(backend, request)
    const h = this.holdings.add(backend, request, blocks, pathEnd)
    if (cached > 0) this.advance(h, cached, false)
    this.take(backend, blocks - cached)
    return true
  }

  couldAdmit(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    spareBlocks: number,
  ): boolean {
    const blockTokens = this.blockTokens[backend]!
    const cached = Math.floor(cachedTokens / blockTokens)
    const revived = cached > 0 ? this.evictableAmong(backend, request, cached) : 0
    const needed = Math.ceil(tokens / blockTokens) - cached
    return needed + spareBlocks <= this.available(backend) - revived
  }

  extend(backend: number, request: number, tokens: number): boolean {
    const h = this.holdings.of(backend, request)
    const blockTokens = this.blockTokens[backend]!
    const blocks = ((tokens + blockTokens - 1) / blockTokens) | 0
    const needed = blocks - this.holdings.pool.data[h + BLOCKS]!
    if (needed <= 0) return true
    if (needed > this.available(backend)) return false
    this.take(backend, needed)
    this.holdings.pool.data[h + BLOCKS] = blocks
    return true
  }

  commit(backend: number, request: number, tokens: number): void {
    if (!this.sharesPrefixes) return
    const blocks = (tokens / this.blockTokens[backend]!) | 0
    this.advance(this.holdings.of(backend, request), blocks, true)
  }

  release(backend: number, request: number, mayReturn = false): void {
    this.letGo(this.holdings.of(backend, request), mayReturn)
  }

  private letGo(h: number, mayReturn: boolean): void {
    const holding = this.holdings.pool.data
    const backend = holding[h + AT]!
    const pins = holding[h + PINS]!
    this.freeBlocks[backend] = this.freeBlocks[backend]! + holding[h + BLOCKS]! - pins
    const ownBlocks = this.holdings.ownBlocks(h)
    if (ownBlocks > 0) {
      if (mayReturn && holding[h + OWN] === NONE) this.keepOwn(h)
      const own = holding[h + OWN]!
      if (own === NONE) this.lru.appendNameless(backend, ownBlocks)
      else this.pins.unpin(own, this.index.extents.data[own + START]!)
    }
    if (holding[h + HELD_EXTENT] !== NONE) this.pins.unpinPath(h)
    this.holdings.remove(h)
  }

  clear(backend: number): void {
    const { heads } = this.holdings
    const { listener } = this.index
    // One word for all of it: an engine that goes down does not name its blocks.
    this.index.listener = undefined
    for (let request = 0; request < heads.length; request++) {
      const holding = this.holdings.pool.data
      let h = heads[request]!
      while (h !== NONE && holding[h + AT] !== backend) h = holding[h + NEXT_HOLDING]!
      if (h !== NONE) this.letGo(h, false)
    }
    this.giveUp(backend, this.lru.blocks[backend]!)
    this.tiers.clear(backend)
    this.freeBlocks[backend] = this.capacity[backend]!.blocks
    this.index.listener = listener
    listener?.cleared(backend)
  }

  canEverFit(backend: number, tokens: number): boolean {
    return tokens <= this.capacityTokens[backend]!
  }

  usage(backend: number, out: KvUsage): void {
    out.total = this.capacity[backend]!.blocks
    out.cached = this.lru.blocks[backend]!
    out.free = this.freeBlocks[backend]!
    out.held = out.total - out.cached - out.free
  }

  evictions(backend: number): number {
    return this.evicted[backend]!
  }

  /** Blocks that can be had: free and evictable ones. */
  available(backend: number): number {
    return this.freeBlocks[backend]! + this.lru.blocks[backend]!
  }

  free(backend: number): number {
    return this.freeBlocks[backend]!
  }

  /** Takes blocks that are there, evicting what is least recently used when none is free. */
  take(backend: number, blocks: number): void {
    const free = this.freeBlocks[backend]!
    if (blocks <= free) {
      this.freeBlocks[backend] = free - blocks
      return
    }
    this.freeBlocks[backend] = 0
    this.evict(backend, blocks - free)
  }

  giveBack(backend: number, blocks: number): void {
    this.freeBlocks[backend] = this.freeBlocks[backend]! + blocks
  }

  keep(backend: number, request: number, tokens: number): void {
    this.nameBlocks(this.holdings.of(backend, request), this.blockTokens[backend]!, tokens)
  }

  leave(backend: number, request: number, tokens: number, mayReturn: boolean): void {
    const h = this.holdings.of(backend, request)
    this.nameBlocks(h, this.blockTokens[backend]!, tokens)
    this.letGo(h, mayReturn)
  }

  private nameBlocks(h: number, blockTokens: number, tokens: number): void {
    const whole = (tokens / blockTokens) | 0
    this.holdings.pool.data[h + BLOCKS] = whole * blockTokens === tokens ? whole : whole + 1
    if (this.sharesPrefixes) this.advance(h, whole, true)
  }

  renew(request: number): void {
    this.index.renew(request)
  }

  matchBelow(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    out: Int32Array,
  ): number {
    return this.tiers.match(backend, request, cachedTokens, tokens, out)
  }

  readBelow(backend: number, request: number, cachedTokens: number, tokens: number): void {
    this.tiers.read(backend, request, cachedTokens, tokens)
  }

  usageBelow(backend: number): number[] {
    return this.tiers.usage(backend)
  }

  listen(listener: KvListener): void {
    this.index.listener = listener
  }

  verify(): void {
    const resident = new Float64Array(this.capacity.length)
    const evictable = new Float64Array(this.capacity.length)
    const x = this.index.extents.data
    this.index.forEach((e) => {
      const backend = x[e + BACKEND]!
      resident[backend] = resident[backend]! + x[e + RESIDENT]! - x[e + START]!
      evictable[backend] = evictable[backend]! + x[e + RESIDENT]! - x[e + PINNED]!
      if (this.lru.end(x[e + SEGMENT]!, x[e + PINNED]!) !== x[e + RESIDENT]!) {
        throw broken(`backend ${backend}: the segments of an extent leave a gap`)
      }
    })
    const holding = this.holdings.pool.data
    for (let i = 0; i < this.holdings.heads.length; i++) {
      for (let h = this.holdings.heads[i]!; h !== NONE; h = holding[h + NEXT_HOLDING]!) {
        const backend = holding[h + AT]!
        const nameless = holding[h + OWN] === NONE ? this.holdings.ownBlocks(h) : 0
        resident[backend] =
          resident[backend]! + holding[h + BLOCKS]! - holding[h + PINS]! + nameless
      }
    }
    this.capacity.forEach(({ blocks }, backend) => {
      const nameless = this.lru.nameless[backend]!
      evictable[backend] = evictable[backend]! + nameless
      const counted = resident[backend]! + nameless + this.freeBlocks[backend]!
      if (counted !== blocks)
        throw broken(`backend ${backend}: ${counted} of ${blocks} blocks counted`)
      if (evictable[backend] !== this.lru.blocks[backend]) {
        throw broken(
          `backend ${backend}: ${this.lru.blocks[backend]} evictable blocks, ${evictable[backend]} found`,
        )
      }
    })
  }

  /** Makes the own blocks of a holding an extent, which the request finds when it comes back. */
  private keepOwn(h: number): void {
    const holding = this.holdings.pool.data
    const pins = holding[h + PINS]!
    const start = pins - this.holdings.ownBlocks(h)
    const own = this.index.addOwn(
      holding[h + AT]!,
      holding[h + REQUEST]!,
      holding[h + HELD_EXTENT]!,
      start,
    )
    holding[h + OWN] = own
    this.index.setResident(own, pins)
    this.index.extents.data[own + PINNED] = pins
  }

  /** How many of the first `blocks` resident blocks of a request nobody pins. */
  private evictableAmong(backend: number, request: number, blocks: number): number {
    const x = this.index.extents.data
    let count = 0
    for (let e = this.index.deepest(backend, request); e !== NONE; e = x[e + PARENT]!) {
      const top = Math.min(blocks, x[e + RESIDENT]!)
      if (top > x[e + PINNED]!) count += top - Math.max(x[e + PINNED]!, x[e + START]!)
      // Whatever is pinned is pinned with everything before it.
      if (x[e + PINNED]! > x[e + START]!) break
    }
    return Math.max(0, count)
  }

  /**
   * Pins the blocks of a holding up to `target`. When they were just computed, they become resident, and
   * those that others had computed before give their duplicates back.
   */
  private advance(h: number, target: number, isComputed: boolean): void {
    const holding = this.holdings.pool.data
    const pins = holding[h + PINS]!
    if (target <= pins) return
    const backend = holding[h + AT]!
    const request = holding[h + REQUEST]!
    const pathEnd = holding[h + PATH_END]!
    if (pins < pathEnd) this.advanceOnPath(h, Math.min(target, pathEnd), isComputed)
    if (target > pathEnd) {
      // Blocks that no other prompt has need no extent before the request may come back for them.
      const own = this.index.findOwn(backend, request)
      holding[h + OWN] = own
      if (own !== NONE) this.pins.fill(own, Math.max(pins, pathEnd), target, isComputed)
    }
    holding[h + PINS] = target
  }

  /** The part of `advance` that concerns nodes of the tree. */
  private advanceOnPath(h: number, target: number, isComputed: boolean): void {
    const holding = this.holdings.pool.data
    const pins = holding[h + PINS]!
    const backend = holding[h + AT]!
    const tree = this.index.treeOf(backend)
    const leaf = tree.leaf[holding[h + REQUEST]!]!
    let length = 0
    for (let n = leaf; n >= 0 && tree.end[n]! > pins; n = tree.parent[n]!) {
      if (tree.start[n]! < target) this.path[length++] = n
    }
    for (let i = length - 1; i >= 0; i--) {
      const node = this.path[i]!
      let e = this.index.find(backend, node)
      if (e === NONE)
        e = this.index.add(
          backend,
          node,
          holding[h + HELD_EXTENT]!,
          tree.start[node]!,
          tree.end[node]!,
        )
      const top = Math.min(target, tree.end[node]!)
      this.pins.fill(e, Math.max(pins, tree.start[node]!), top, isComputed)
      this.pins.movePin(h, e, top)
    }
  }

  private evict(backend: number, blocks: number): void {
    this.evicted[backend] = this.evicted[backend]! + blocks
    this.giveUp(backend, blocks, this.tiers.has(backend))
  }

  /** Forgets what was cached in the blocks that were not used for longest, or moves it to lower tiers. */
  private giveUp(backend: number, blocks: number, isKept = false): void {
    const x = this.index.extents.data
    for (let left = blocks; left > 0; ) {
      const count = this.lru.evictOldest(backend, left)
      const e = this.lru.evictedFrom
      left -= count
      if (isKept) this.tiers.keep(backend, e, count)
      if (e === NONE) continue
      this.index.setResident(e, x[e + RESIDENT]! - count)
      if (this.lru.isExhausted) x[e + SEGMENT] = NONE
      if (x[e + RESIDENT] === x[e + START]) this.index.drop(e)
    }
  }
}

/** How fast caches are looked up, besides {@link PagedKvCacheOptions}. */
export interface RadixKvCacheOptions extends PagedKvCacheOptions {
  /**
   * Backends that hold the same content, from which on it gets an entry for every backend of the cluster: 8 by
   * default. What comes out does not depend on it.
   */
  readonly wideFrom?: number
}

/** KV caches as {@link pagedKvCache} makes them, at a cost per run of blocks instead of per block. */
export function radixKvCache({
  prefixCaching = true,
  wideFrom = WIDE_FROM,
}: RadixKvCacheOptions = {}): KvCacheFactory {
  const make: KvCacheFactory = (requests, backends) =>
    new RadixKvCache(requests, backends, prefixCaching, wideFrom)
  const treeOf: RadixPlan['treeOf'] = (requests, blockTokens) =>
    new BlockTree(requests, blockTokens)
  return Object.assign(make, { radix: { prefixCaching, wideFrom, treeOf } })
}
