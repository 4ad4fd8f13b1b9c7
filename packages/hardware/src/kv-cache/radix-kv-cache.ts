import {
  type KvCache,
  type KvCacheFactory,
  type KvCapacity,
  type KvUsage,
  type RequestTable,
  RouteSimError,
} from '@routesim/core'
import { BlockTree } from './block-tree.js'
import { LruSegments } from './lru-segments.js'
import type { PagedKvCacheOptions } from './paged-kv-cache.js'
import { RecordPool } from './record-pool.js'

const NONE = -1

// Fields of an extent: the blocks of one tree node that one backend holds, [START, RESIDENT). The
// first of them, [START, PINNED), are in use by running requests.
const NODE = 0
const BACKEND = 1
const START = 2
const END = 3
const RESIDENT = 4
const PINNED = 5
/** Requests that hold the node to its end, and requests that hold only its beginning. */
const FULL = 6
const PARTIAL = 7
/** Extent of the parent node on the same backend. */
const PARENT = 8
/** Next extent of the same node on another backend. */
const NEXT = 9
/** Shallowest LRU segment. */
const SEGMENT = 10
const EXTENT_FIELDS = 16

// Fields of a holding: what one running request holds on one backend.
const REQUEST = 0
const AT = 1
/** Deepest extent of the tree that it pins, and the extent of its own blocks. */
const EXTENT = 2
const OWN = 3
/** Leading blocks that are computed and pinned, and blocks in all. */
const PINS = 4
const BLOCKS = 5
const NEXT_HOLDING = 6
const HOLDING_FIELDS = 8

/**
 * The same KV caches as {@link pagedKvCache}, block for block, at a cost per run of blocks instead of
 * per block. What a backend holds of a tree node is one extent; because requests hold prefixes, and
 * what is resident is closed under prefixes, an extent is a pinned part followed by evictable parts.
 * All backends share one tree, so one walk of a prompt's path finds its match on every backend.
 *
 * With `take` and `setBlocks`, an engine may allocate for many decode steps at once.
 */
export class RadixKvCache implements KvCache {
  private readonly requests: RequestTable
  private readonly isCaching: boolean
  private readonly capacity: readonly KvCapacity[]
  private readonly treeOf: readonly BlockTree[]
  private readonly trees: readonly { tree: BlockTree; heads: Int32Array }[]
  private readonly headsOf: readonly Int32Array[]
  private readonly extents = new RecordPool(EXTENT_FIELDS, 64)
  private readonly holdings = new RecordPool(HOLDING_FIELDS, 64)
  private readonly lru: LruSegments
  private readonly freeBlocks: Int32Array
  private readonly evicted: Float64Array
  /** Per request: its own extents, and its holdings, one per backend. */
  private readonly ownHead: Int32Array
  private readonly holdingHead: Int32Array
  /** Per backend: holdings whose last pinned extent is pinned in part. */
  private readonly partials: readonly number[][]
  private path = new Int32Array(64)

  constructor(requests: RequestTable, capacity: readonly KvCapacity[], isCaching: boolean) {
    this.requests = requests
    this.capacity = capacity
    this.isCaching = isCaching
    const sizes = [...new Set(capacity.map(({ blockTokens }) => blockTokens))]
    this.trees = sizes.map((blockTokens) => {
      const tree = new BlockTree(requests, blockTokens)
      return { tree, heads: new Int32Array(tree.size).fill(NONE) }
    })
    const indexOf = capacity.map(({ blockTokens }) => sizes.indexOf(blockTokens))
    this.treeOf = indexOf.map((i) => this.trees[i]!.tree)
    this.headsOf = indexOf.map((i) => this.trees[i]!.heads)
    this.lru = new LruSegments(capacity.length)
    this.freeBlocks = Int32Array.from(capacity, ({ blocks }) => blocks)
    this.evicted = new Float64Array(capacity.length)
    this.ownHead = new Int32Array(requests.size).fill(NONE)
    this.holdingHead = new Int32Array(requests.size).fill(NONE)
    this.partials = capacity.map(() => [])
  }

  match(request: number, out: Int32Array): void {
    out.fill(0)
    if (!this.isCaching) return
    const promptTokens = this.requests.promptTokens[request]! - 1
    const x = this.extents.data
    for (const { tree, heads } of this.trees) {
      let length = 0
      for (let node = tree.leaf[request]!; node >= 0; node = tree.parent[node]!) {
        if (heads[node] !== NONE) length = this.pushPath(length, node)
      }
      const limit = Math.floor(promptTokens / tree.blockTokens)
      for (let i = length - 1; i >= 0; i--) {
        for (let e = heads[this.path[i]!]!; e !== NONE; e = x[e + NEXT]!) {
          out[x[e + BACKEND]!] = Math.min(x[e + RESIDENT]!, limit) * tree.blockTokens
        }
      }
    }
    for (let e = this.ownHead[request]!; e !== NONE; e = x[e + NEXT]!) {
      const backend = x[e + BACKEND]!
      out[backend] = this.matchOn(backend, request, promptTokens)
    }
  }

  matchOn(backend: number, request: number, tokens: number): number {
    if (!this.isCaching) return 0
    const { blockTokens } = this.capacity[backend]!
    const e = this.deepest(backend, request)
    const resident = e === NONE ? 0 : this.extents.data[e + RESIDENT]!
    return Math.min(resident, Math.floor(tokens / blockTokens)) * blockTokens
  }

  admit(backend: number, request: number, cachedTokens: number, tokens: number): boolean {
    const { blockTokens } = this.capacity[backend]!
    const cached = Math.floor(cachedTokens / blockTokens)
    const blocks = Math.ceil(tokens / blockTokens)
    const available = this.available(backend)
    if (blocks - cached > available) return false
    if (blocks - cached > available - this.evictableAmong(backend, request, cached)) return false
    const h = this.holdings.take()
    const holding = this.holdings.data
    holding[h + REQUEST] = request
    holding[h + AT] = backend
    holding[h + EXTENT] = NONE
    holding[h + OWN] = NONE
    holding[h + PINS] = 0
    holding[h + BLOCKS] = blocks
    holding[h + NEXT_HOLDING] = this.holdingHead[request]!
    this.holdingHead[request] = h
    this.advance(h, cached, false)
    this.take(backend, blocks - cached)
    return true
  }

  extend(backend: number, request: number, tokens: number): boolean {
    const h = this.holding(backend, request)
    const blocks = Math.ceil(tokens / this.capacity[backend]!.blockTokens)
    const needed = blocks - this.holdings.data[h + BLOCKS]!
    if (needed <= 0) return true
    if (needed > this.available(backend)) return false
    this.take(backend, needed)
    this.holdings.data[h + BLOCKS] = blocks
    return true
  }

  commit(backend: number, request: number, tokens: number): void {
    if (!this.isCaching) return
    const blocks = Math.floor(tokens / this.capacity[backend]!.blockTokens)
    this.advance(this.holding(backend, request), blocks, true)
  }

  release(backend: number, request: number): void {
    const h = this.holding(backend, request)
    const holding = this.holdings.data
    const pins = holding[h + PINS]!
    this.freeBlocks[backend] = this.freeBlocks[backend]! + holding[h + BLOCKS]! - pins
    const own = holding[h + OWN]!
    if (own !== NONE) this.unpin(own, this.extents.data[own + START]!)
    this.unpinPath(h)
    this.removeHolding(h)
  }

  canEverFit(backend: number, tokens: number): boolean {
    const { blocks, blockTokens } = this.capacity[backend]!
    return Math.ceil(tokens / blockTokens) <= blocks
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

  /** Says how many blocks a request holds by now, after some were taken for it. */
  setBlocks(backend: number, request: number, blocks: number): void {
    this.holdings.data[this.holding(backend, request) + BLOCKS] = blocks
  }

  verify(): void {
    const resident = new Float64Array(this.capacity.length)
    const evictable = new Float64Array(this.capacity.length)
    const x = this.extents.data
    for (const heads of [...this.trees.map((tree) => tree.heads), this.ownHead]) {
      for (let i = 0; i < heads.length; i++) {
        for (let e = heads[i]!; e !== NONE; e = x[e + NEXT]!) {
          const backend = x[e + BACKEND]!
          resident[backend] = resident[backend]! + x[e + RESIDENT]! - x[e + START]!
          evictable[backend] = evictable[backend]! + x[e + RESIDENT]! - x[e + PINNED]!
          if (this.lru.end(x[e + SEGMENT]!, x[e + PINNED]!) !== x[e + RESIDENT]!) {
            throw broken(`backend ${backend}: the segments of an extent leave a gap`)
          }
        }
      }
    }
    const holding = this.holdings.data
    for (let i = 0; i < this.holdingHead.length; i++) {
      for (let h = this.holdingHead[i]!; h !== NONE; h = holding[h + NEXT_HOLDING]!) {
        const backend = holding[h + AT]!
        resident[backend] = resident[backend]! + holding[h + BLOCKS]! - holding[h + PINS]!
      }
    }
    this.capacity.forEach(({ blocks }, backend) => {
      const counted = resident[backend]! + this.freeBlocks[backend]!
      if (counted !== blocks)
        throw broken(`backend ${backend}: ${counted} of ${blocks} blocks counted`)
      if (evictable[backend] !== this.lru.blocks[backend]) {
        throw broken(
          `backend ${backend}: ${this.lru.blocks[backend]} evictable blocks, ${evictable[backend]} found`,
        )
      }
    })
  }

  /** The deepest extent of a request's content on a backend: what is resident ends with it. */
  private deepest(backend: number, request: number): number {
    const own = this.findOwn(backend, request)
    if (own !== NONE) return own
    const tree = this.treeOf[backend]!
    for (let node = tree.leaf[request]!; node >= 0; node = tree.parent[node]!) {
      const e = this.find(backend, node)
      if (e !== NONE) return e
    }
    return NONE
  }

  private find(backend: number, node: number): number {
    const x = this.extents.data
    let e = this.headsOf[backend]![node]!
    while (e !== NONE && x[e + BACKEND] !== backend) e = x[e + NEXT]!
    return e
  }

  private findOwn(backend: number, request: number): number {
    const x = this.extents.data
    let e = this.ownHead[request]!
    while (e !== NONE && x[e + BACKEND] !== backend) e = x[e + NEXT]!
    return e
  }

  /** How many of the first `blocks` resident blocks of a request nobody pins. */
  private evictableAmong(backend: number, request: number, blocks: number): number {
    const x = this.extents.data
    let count = 0
    for (let e = this.deepest(backend, request); e !== NONE; e = x[e + PARENT]!) {
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
    const holding = this.holdings.data
    const pins = holding[h + PINS]!
    if (target <= pins) return
    const backend = holding[h + AT]!
    const request = holding[h + REQUEST]!
    const tree = this.treeOf[backend]!
    const leaf = tree.leaf[request]!
    let length = 0
    for (let n = leaf; n >= 0 && tree.end[n]! > pins; n = tree.parent[n]!) {
      if (tree.start[n]! < target) length = this.pushPath(length, n)
    }
    for (let i = length - 1; i >= 0; i--) {
      const node = this.path[i]!
      let e = this.find(backend, node)
      if (e === NONE)
        e = this.addExtent(backend, node, holding[h + EXTENT]!, tree.start[node]!, tree.end[node]!)
      const top = Math.min(target, tree.end[node]!)
      this.fill(e, Math.max(pins, tree.start[node]!), top, isComputed)
      this.movePin(h, e, top)
    }
    const pathEnd = leaf < 0 ? 0 : tree.end[leaf]!
    if (target > pathEnd) {
      let own = this.findOwn(backend, request)
      if (own === NONE) own = this.addOwn(backend, request, holding[h + EXTENT]!, pathEnd)
      holding[h + OWN] = own
      this.fill(own, Math.max(pins, pathEnd), target, isComputed)
    }
    holding[h + PINS] = target
  }

  /** Makes blocks `from` to `top` of an extent pinned, and resident if they were just computed. */
  private fill(e: number, from: number, top: number, isComputed: boolean): void {
    const x = this.extents.data
    if (isComputed) {
      const backend = x[e + BACKEND]!
      const duplicates = Math.min(x[e + RESIDENT]!, top) - from
      if (duplicates > 0) this.freeBlocks[backend] = this.freeBlocks[backend]! + duplicates
      if (top > x[e + RESIDENT]!) x[e + RESIDENT] = top
    }
    if (top <= x[e + PINNED]!) return
    x[e + PINNED] = top
    x[e + SEGMENT] = this.lru.removeUpTo(x[e + BACKEND]!, x[e + SEGMENT]!, top)
  }

  /** Moves the end of a holding's pins to block `top` of an extent of the tree. */
  private movePin(h: number, e: number, top: number): void {
    const x = this.extents.data
    const holding = this.holdings.data
    const partials = this.partials[holding[h + AT]!]!
    if (holding[h + EXTENT] === e) {
      x[e + PARTIAL] = x[e + PARTIAL]! - 1
      partials.splice(partials.indexOf(h), 1)
    }
    holding[h + EXTENT] = e
    holding[h + PINS] = top
    if (top === x[e + END]) {
      x[e + FULL] = x[e + FULL]! + 1
    } else {
      x[e + PARTIAL] = x[e + PARTIAL]! + 1
      partials.push(h)
    }
  }

  /** Lets go of the pins of a holding on the extents of the tree, deepest first. */
  private unpinPath(h: number): void {
    const x = this.extents.data
    const holding = this.holdings.data
    const pins = holding[h + PINS]!
    let e = holding[h + EXTENT]!
    if (e !== NONE && pins < x[e + END]!) {
      const partials = this.partials[holding[h + AT]!]!
      partials.splice(partials.indexOf(h), 1)
      x[e + PARTIAL] = x[e + PARTIAL]! - 1
      this.unpin(e, this.stillPinned(e))
      e = x[e + PARENT]!
    }
    for (; e !== NONE; e = x[e + PARENT]!) {
      x[e + FULL] = x[e + FULL]! - 1
      if (x[e + FULL] === 0) this.unpin(e, this.stillPinned(e))
    }
  }

  /** How far the remaining holdings pin an extent. */
  private stillPinned(e: number): number {
    const x = this.extents.data
    if (x[e + FULL]! > 0) return x[e + END]!
    let depth = x[e + START]!
    if (x[e + PARTIAL]! > 0) {
      const holding = this.holdings.data
      for (const h of this.partials[x[e + BACKEND]!]!) {
        if (holding[h + EXTENT] === e) depth = Math.max(depth, holding[h + PINS]!)
      }
    }
    return depth
  }

  /** Makes the blocks of an extent from `depth` on evictable, as the most recently used. */
  private unpin(e: number, depth: number): void {
    const x = this.extents.data
    const pinned = x[e + PINNED]!
    if (depth >= pinned) return
    x[e + PINNED] = depth
    x[e + SEGMENT] = this.lru.append(x[e + BACKEND]!, e, depth, pinned, x[e + SEGMENT]!)
  }

  private evict(backend: number, blocks: number): void {
    const x = this.extents.data
    this.evicted[backend] = this.evicted[backend]! + blocks
    for (let left = blocks; left > 0; ) {
      const count = this.lru.evictOldest(backend, left)
      const e = this.lru.evictedFrom
      left -= count
      x[e + RESIDENT] = x[e + RESIDENT]! - count
      if (this.lru.isExhausted) x[e + SEGMENT] = NONE
      if (x[e + RESIDENT] === x[e + START]) this.dropExtent(e)
    }
  }

  private addExtent(
    backend: number,
    node: number,
    above: number,
    start: number,
    end: number,
  ): number {
    const heads = this.headsOf[backend]!
    const e = this.newExtent(backend, node, above, start, end, heads[node]!)
    heads[node] = e
    return e
  }

  /** An extent of blocks that are a request's own: named by the request, and without an end. */
  private addOwn(backend: number, request: number, above: number, start: number): number {
    const e = this.newExtent(
      backend,
      -1 - request,
      above,
      start,
      0x7fffffff,
      this.ownHead[request]!,
    )
    this.ownHead[request] = e
    return e
  }

  private newExtent(
    backend: number,
    node: number,
    above: number,
    start: number,
    end: number,
    next: number,
  ): number {
    const e = this.extents.take()
    const x = this.extents.data
    x[e + NODE] = node
    x[e + BACKEND] = backend
    x[e + START] = start
    x[e + END] = end
    x[e + RESIDENT] = start
    x[e + PINNED] = start
    x[e + FULL] = 0
    x[e + PARTIAL] = 0
    x[e + PARENT] = above
    x[e + NEXT] = next
    x[e + SEGMENT] = NONE
    return e
  }

  private dropExtent(e: number): void {
    const x = this.extents.data
    const node = x[e + NODE]!
    const heads = node >= 0 ? this.headsOf[x[e + BACKEND]!]! : this.ownHead
    const at = node >= 0 ? node : -1 - node
    if (heads[at] === e) {
      heads[at] = x[e + NEXT]!
    } else {
      let before = heads[at]!
      while (x[before + NEXT] !== e) before = x[before + NEXT]!
      x[before + NEXT] = x[e + NEXT]!
    }
    this.extents.give(e)
  }

  private holding(backend: number, request: number): number {
    const x = this.holdings.data
    let h = this.holdingHead[request]!
    while (h !== NONE && x[h + AT] !== backend) h = x[h + NEXT_HOLDING]!
    if (h === NONE) throw broken(`request ${request} holds no blocks on backend ${backend}`)
    return h
  }

  private removeHolding(h: number): void {
    const x = this.holdings.data
    const request = x[h + REQUEST]!
    if (this.holdingHead[request] === h) {
      this.holdingHead[request] = x[h + NEXT_HOLDING]!
    } else {
      let before = this.holdingHead[request]!
      while (x[before + NEXT_HOLDING] !== h) before = x[before + NEXT_HOLDING]!
      x[before + NEXT_HOLDING] = x[h + NEXT_HOLDING]!
    }
    this.holdings.give(h)
  }

  /** Puts a node at the end of the scratch path. @returns the path's length */
  private pushPath(length: number, node: number): number {
    if (length === this.path.length) {
      const path = new Int32Array(length * 2)
      path.set(this.path)
      this.path = path
    }
    this.path[length] = node
    return length + 1
  }
}

function broken(what: string): RouteSimError {
  return new RouteSimError(`KV cache: ${what}`, { code: 'kv_cache_broken' })
}

/** KV caches as {@link pagedKvCache} makes them, at a cost per run of blocks instead of per block. */
export function radixKvCache(options: PagedKvCacheOptions = {}): KvCacheFactory {
  return (requests, backends) => new RadixKvCache(requests, backends, options.prefixCaching ?? true)
}
