import { type KvCapacity, type KvUsage, RouteSimError } from '@routesim/core'
import { IntMap } from './int-map.js'
import { LowerTiers, NAMELESS } from './lower-tiers.js'

const NO_BLOCK = -1
/** Content of a block that is not computed yet: no id is 0x80000000. */
const NOT_COMPUTED = -0x80000000

/** Names the content of a request's blocks: equal ids mean equal content and equal everything before it. */
export interface BlockNames {
  /** Writes the ids of blocks `from` to `to - 1` of a request to `out[0]`, `out[1]`, ... */
  write(request: number, from: number, to: number, out: Int32Array): void
}

/** Hears what becomes reusable in one backend's KV cache, and what is given up. */
export interface BlockListener {
  /** Blocks `from` to `to - 1` of a request were computed and were not there before. */
  stored(request: number, from: number, to: number): void
  /** A block with this id was given up. */
  removed(id: number): void
}

/** The blocks a request holds, in order, and how many of them are committed. */
interface Holding {
  blocks: Int32Array
  count: number
  committed: number
}

/**
 * The paged KV cache of one backend. Blocks are reference counted; a computed block whose count falls
 * to zero is kept, evictable, in least-recently-released order, deepest first, so that a prefix is
 * evicted from its end and what is resident is always closed under prefixes. Requests that computed
 * the same block at the same time share one copy from then on, as in SGLang's radix cache.
 * O(1) per block touched; a match is O(log blocks).
 */
export class BlockStore<Names extends BlockNames = BlockNames> {
  readonly total: number
  readonly blockTokens: number
  /** Cached blocks given up for others. */
  evictions = 0
  /** Hears of contents that were computed, or evicted. */
  onChange: ((isStored: boolean, contentId: number) => void) | undefined
  readonly contents: Names
  /** Where evicted blocks go. */
  private readonly tiers: LowerTiers | undefined
  private readonly listener: BlockListener | undefined
  private readonly isCaching: boolean
  private readonly references: Int32Array
  private readonly content: Int32Array
  /** Computed blocks by content. */
  private readonly index: IntMap
  private readonly free: Int32Array
  private freeCount: number
  /** Doubly linked list of evictable blocks through a sentinel at `total`; its next is evicted first. */
  private readonly next: Int32Array
  private readonly previous: Int32Array
  private evictable = 0
  private readonly holdings = new Map<number, Holding>()
  private readonly spareHoldings: Holding[] = []
  private ids = new Int32Array(64)

  constructor(capacity: KvCapacity, contents: Names, isCaching: boolean, listener?: BlockListener) {
    const total = capacity.blocks
    this.total = total
    this.blockTokens = capacity.blockTokens
    this.contents = contents
    this.tiers = capacity.tiers === undefined ? undefined : new LowerTiers(capacity.tiers)
    this.listener = listener
    this.isCaching = isCaching
    this.references = new Int32Array(total)
    this.content = new Int32Array(total).fill(NOT_COMPUTED)
    this.index = new IntMap()
    this.free = Int32Array.from({ length: total }, (_, i) => total - 1 - i)
    this.freeCount = total
    this.next = new Int32Array(total + 1)
    this.previous = new Int32Array(total + 1)
    this.next[total] = total
    this.previous[total] = total
  }

  /** Tokens of the first `tokens` of a request that are cached, floored to blocks. */
  match(request: number, tokens: number): number {
    if (!this.isCaching) return 0
    const blocks = Math.floor(tokens / this.blockTokens)
    const ids = this.contentIds(request, 0, blocks)
    // What is resident is closed under prefixes, so the end of the match can be bisected.
    let low = 0
    let high = blocks
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.index.get(ids[middle - 1]!) === NO_BLOCK) high = middle - 1
      else low = middle
    }
    return low * this.blockTokens
  }

  /** Blocks next to the cached ones that lower tiers have, by tier. @returns how many */
  matchBelow(request: number, cachedTokens: number, tokens: number, out: Int32Array): number {
    const { tiers } = this
    if (tiers === undefined) return 0
    const count = this.namedBlocks(request, cachedTokens, tokens)
    return tiers.match(this.ids, count, out)
  }

  readBelow(request: number, cachedTokens: number, tokens: number): void {
    const count = this.namedBlocks(request, cachedTokens, tokens)
    this.tiers?.read(this.ids, count)
  }

  usageBelow(): number[] {
    return this.tiers?.usage() ?? []
  }

  /** Writes the ids of the blocks between two tokens as far as other requests may have them. */
  private namedBlocks(request: number, fromTokens: number, toTokens: number): number {
    const from = Math.floor(fromTokens / this.blockTokens)
    const to = Math.floor(toTokens / this.blockTokens)
    const ids = this.contentIds(request, from, Math.max(from, to)).subarray(0, to - from)
    const own = ids.findIndex((id) => id < 0)
    return own < 0 ? Math.max(0, to - from) : own
  }

  admit(request: number, cachedTokens: number, tokens: number): boolean {
    const cached = Math.floor(cachedTokens / this.blockTokens)
    const needed = Math.ceil(tokens / this.blockTokens) - cached
    if (needed > this.freeCount + this.evictable) return false
    const ids = this.contentIds(request, 0, cached)
    const holding = this.newHolding(cached + needed)
    let revived = 0
    for (let j = 0; j < cached; j++) {
      const block = this.index.get(ids[j]!)
      if (block === NO_BLOCK) throw broken(`admit: block ${j} of request ${request} is not cached`)
      holding.blocks[j] = block
      if (this.references[block] === 0) revived++
    }
    if (needed > this.freeCount + this.evictable - revived) {
      this.spareHoldings.push(holding)
      return false
    }
    for (let j = 0; j < cached; j++) this.pin(holding.blocks[j]!)
    holding.count = cached
    holding.committed = cached
    this.allocate(holding, needed)
    if (this.holdings.has(request)) throw broken(`admit: request ${request} already holds blocks`)
    this.holdings.set(request, holding)
    return true
  }

  couldAdmit(request: number, cachedTokens: number, tokens: number, spareBlocks: number): boolean {
    const cached = Math.floor(cachedTokens / this.blockTokens)
    const needed = Math.ceil(tokens / this.blockTokens) - cached
    let revived = 0
    for (const id of this.contentIds(request, 0, cached).subarray(0, cached)) {
      if (this.references[this.index.get(id)] === 0) revived++
    }
    return needed + spareBlocks <= this.freeCount + this.evictable - revived
  }

  extend(request: number, tokens: number): boolean {
    const holding = this.holding(request)
    const needed = Math.ceil(tokens / this.blockTokens) - holding.count
    if (needed <= 0) return true
    if (needed > this.freeCount + this.evictable) return false
    this.allocate(holding, needed)
    return true
  }

  commit(request: number, tokens: number): void {
    const computed = Math.floor(tokens / this.blockTokens)
    const holding = this.holding(request)
    const from = holding.committed
    if (!this.isCaching || computed <= from) return
    const ids = this.contentIds(request, from, computed)
    let storedFrom = from
    for (let j = from; j < computed; j++) {
      const id = ids[j - from]!
      const block = holding.blocks[j]!
      const known = this.index.get(id)
      if (known === NO_BLOCK) {
        this.index.set(id, block)
        this.content[block] = id
        this.onChange?.(true, id)
      } else {
        if (j > storedFrom) this.listener?.stored(request, storedFrom, j)
        storedFrom = j + 1
        this.pin(known)
        holding.blocks[j] = known
        this.unpin(block)
      }
    }
    if (computed > storedFrom) this.listener?.stored(request, storedFrom, computed)
    holding.committed = computed
  }

  release(request: number): void {
    const holding = this.holding(request)
    for (let j = holding.count - 1; j >= 0; j--) this.unpin(holding.blocks[j]!)
    this.holdings.delete(request)
    this.spareHoldings.push(holding)
  }

  /** Gives all blocks back empty, held ones as well. */
  clear(): void {
    for (const request of [...this.holdings.keys()]) this.release(request)
    const { evictions } = this
    while (this.evictable > 0) this.free[this.freeCount++] = this.evict()
    this.evictions = evictions
    this.tiers?.clear()
  }

  usage(out: KvUsage): void {
    out.total = this.total
    out.cached = this.evictable
    out.free = this.freeCount
    out.held = this.total - this.evictable - this.freeCount
  }

  /** Checks counts, references and the index against each other. */
  verify(): void {
    const references = new Int32Array(this.total)
    for (const holding of this.holdings.values()) {
      for (let j = 0; j < holding.count; j++) references[holding.blocks[j]!]!++
    }
    let indexed = 0
    for (let block = 0; block < this.total; block++) {
      if (references[block] !== this.references[block]) {
        throw broken(
          `block ${block}: ${this.references[block]} references, ${references[block]} holders`,
        )
      }
      const id = this.content[block]!
      if (id === NOT_COMPUTED) continue
      indexed++
      if (this.index.get(id) !== block)
        throw broken(`block ${block} is not the one indexed for its content`)
    }
    if (indexed !== this.index.size)
      throw broken(`${this.index.size} contents indexed, ${indexed} computed`)
    let evictable = 0
    for (let b = this.next[this.total]!; b !== this.total; b = this.next[b]!) {
      if (this.references[b] !== 0) throw broken(`block ${b} is evictable and held`)
      evictable++
    }
    if (evictable !== this.evictable)
      throw broken(`${this.evictable} evictable blocks counted, ${evictable} listed`)
  }

  private allocate(holding: Holding, needed: number): void {
    const count = holding.count + needed
    if (count > holding.blocks.length) {
      const blocks = new Int32Array(Math.max(count, holding.blocks.length * 2))
      blocks.set(holding.blocks)
      holding.blocks = blocks
    }
    for (let j = holding.count; j < count; j++) {
      const block = this.freeCount > 0 ? this.free[--this.freeCount]! : this.evict()
      this.references[block] = 1
      holding.blocks[j] = block
    }
    holding.count = count
  }

  private evict(): number {
    const block = this.next[this.total]!
    this.tiers?.keep(Math.max(this.content[block]!, NAMELESS))
    this.forget(block)
    this.evictions++
    return block
  }

  /** Gives up every cached block that nobody holds. */
  drop(): void {
    while (this.evictable > 0) {
      const block = this.next[this.total]!
      this.forget(block)
      this.free[this.freeCount++] = block
    }
  }

  private forget(block: number): void {
    const id = this.content[block]!
    this.unlink(block)
    this.index.delete(id)
    this.content[block] = NOT_COMPUTED
    this.listener?.removed(id)
    this.onChange?.(false, id)
  }

  private pin(block: number): void {
    if (this.references[block]!++ === 0) this.unlink(block)
  }

  private unpin(block: number): void {
    if (--this.references[block]! > 0) return
    if (this.content[block] === NOT_COMPUTED) {
      this.free[this.freeCount++] = block
      return
    }
    const last = this.previous[this.total]!
    this.next[last] = block
    this.previous[block] = last
    this.next[block] = this.total
    this.previous[this.total] = block
    this.evictable++
  }

  private unlink(block: number): void {
    const before = this.previous[block]!
    const after = this.next[block]!
    this.next[before] = after
    this.previous[after] = before
    this.evictable--
  }

  private holding(request: number): Holding {
    const holding = this.holdings.get(request)
    if (holding === undefined) throw broken(`request ${request} holds no blocks`)
    return holding
  }

  private newHolding(capacity: number): Holding {
    const holding = this.spareHoldings.pop() ?? {
      blocks: new Int32Array(16),
      count: 0,
      committed: 0,
    }
    holding.count = 0
    holding.committed = 0
    if (holding.blocks.length < capacity) holding.blocks = new Int32Array(capacity * 2)
    return holding
  }

  /** Content ids of blocks `from` to `to - 1`; the array is reused. */
  private contentIds(request: number, from: number, to: number): Int32Array {
    if (to - from > this.ids.length) this.ids = new Int32Array((to - from) * 2)
    this.contents.write(request, from, to, this.ids)
    return this.ids
  }
}

function broken(what: string): RouteSimError {
  return new RouteSimError(`KV cache: ${what}`, { code: 'kv_cache_broken' })
}
