import type { RequestTable } from '../requests/request-table.js'
import type { KvListener } from './kv-listener.js'

/** Blocks of one backend's KV cache: `total = held + cached + free`. */
export interface KvUsage {
  /** All blocks of the backend. */
  total: number
  /** In use by running requests. */
  held: number
  /** Computed, kept for reuse, and evictable. */
  cached: number
  /** Never used or given back empty. */
  free: number
}

/** What anybody may ask of the KV caches of all backends, whoever keeps them. */
export interface KvCacheView {
  /** Whether requests whose prompts begin alike hold the same blocks; no if absent. */
  readonly sharesPrefixes?: boolean
  /**
   * How many leading prompt tokens of a request each backend holds, floored to blocks. The last
   * prompt token never counts: it is always computed, to get the first output token. Only content that
   * the prompt tree names counts, not the request's own, as nobody else can know of that.
   */
  match(request: number, out: Int32Array): void
  /** True when `tokens` tokens fit into an empty cache of this backend. */
  canEverFit(backend: number, tokens: number): boolean
  /** Writes the usage of one backend. */
  usage(backend: number, out: KvUsage): void
  /** Cached blocks given up for others so far, on one backend. */
  evictions(backend: number): number
  /** Blocks in use in each tier below a backend. */
  usageBelow?(backend: number): readonly number[]
  /** Tells a listener from now on of the blocks that prompts can share, in order; costs time when called. */
  listen?(listener: KvListener): void
  /** Checks every invariant of the store; the engine calls it at the end of a run. @throws RouteSimError */
  verify(): void
}

/**
 * The KV caches of all backends: paged, reference counted, with prefix caching. Requests are rows of
 * the workload's table; the tokens of a request are its prompt followed by its output.
 *
 * A block becomes reusable when `commit` says that its tokens are computed, and stays cached after
 * `release` until it is evicted, leaf first, least recently used.
 */
export interface KvCache extends KvCacheView {
  /** How many of the first `tokens` tokens of a request one backend holds, floored to blocks. */
  matchOn(backend: number, request: number, tokens: number): number
  /**
   * Starts holding blocks for a request: pins the first `cachedTokens` (at most what `matchOn` says
   * now, a whole number of blocks) and allocates up to `tokens`.
   * @returns false, with nothing changed, when the blocks are not there
   */
  admit(backend: number, request: number, cachedTokens: number, tokens: number): boolean
  /**
   * True when `admit` with these arguments would leave at least so many blocks that are free or can be
   * evicted. Changes nothing.
   */
  couldAdmit(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    spareBlocks: number,
  ): boolean
  /**
   * Makes room for the first `tokens` tokens of a request that holds fewer.
   * @returns false, with nothing changed, when the blocks are not there
   */
  extend(backend: number, request: number, tokens: number): boolean
  /** Says that the first `tokens` tokens of a request are computed. */
  commit(backend: number, request: number, tokens: number): void
  /**
   * Stops holding. What was committed stays cached; the rest is free at once.
   * @param mayReturn - whether the request may be admitted here again, as after a preemption
   */
  release(backend: number, request: number, mayReturn?: boolean): void
  /** Loses everything on a backend: what is held, whoever holds it, and what is cached. */
  clear(backend: number): void
  /**
   * Blocks of the first `tokens` tokens of a request that lower tiers hold next to its first
   * `cachedTokens`, without a gap. Caches of backends with tiers must have this and the two below.
   * @param out - gets the number of blocks in each tier
   * @returns how many in all
   */
  matchBelow?(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    out: Int32Array,
  ): number
  /** Says that the blocks that `matchBelow` counts are read now: they were used last. */
  readBelow?(backend: number, request: number, cachedTokens: number, tokens: number): void
}

/** Some of the backends. */
export interface BackendSet {
  /** Their ids, in any order, up to {@link size}. */
  readonly members: Int32Array
  readonly size: number
  has(backend: number): boolean
}

/** KV caches in which an engine may allocate for many decode steps at once. */
export interface BulkKvCache extends KvCache {
  /**
   * Writes the backends of a set that hold anything a request can match, in any order.
   * @param out - with room for all backends
   * @returns how many
   */
  holders(request: number, among: BackendSet, out: Int32Array): number
  /** Blocks that can be had on a backend: free and evictable ones. */
  available(backend: number): number
  /** Those of them that can be had without evicting. */
  free(backend: number): number
  /** Takes blocks, at most what is available, for requests that `leave` names later. */
  take(backend: number, blocks: number): void
  /** Gives blocks back that were taken and are not used after all. */
  giveBack(backend: number, blocks: number): void
  /**
   * Names the request for which blocks were taken up to `tokens` tokens, all of them computed: it holds
   * them from now on, until `release`.
   */
  keep(backend: number, request: number, tokens: number): void
  /**
   * Stops holding for a request for which blocks were taken up to `tokens` tokens, all of them computed.
   * @param mayReturn - as for `release`
   */
  leave(backend: number, request: number, tokens: number, mayReturn: boolean): void
}

/** KV caches for a table whose rows are given to other requests once theirs have ended. */
export interface RenewableKvCache extends KvCache {
  /** The row has another request: its prompt is another, and it finds nothing that only the one before left. */
  renew(request: number): void
}

/** Whether KV caches can give a row to another request. */
export function isRenewable(kv: KvCache): kv is RenewableKvCache {
  return 'renew' in kv
}

/** Memory below that of the GPUs of a backend, which keeps the blocks that its KV cache evicts. */
export interface KvTier {
  readonly name: string
  /** Blocks it has room for, at least 1. */
  readonly blocks: number
  /** From asking for blocks to the first of them, in ms. */
  readonly latencyMs: number
  /** How long one block takes to the GPUs, in ms. Loads go over the link one after another. */
  readonly msPerBlock: number
}

/** Size of one backend's KV cache. */
export interface KvCapacity {
  /** Blocks, at least 1. */
  readonly blocks: number
  /** Tokens per block, at least 1. */
  readonly blockTokens: number
  /** The tiers below, the nearest first; what one evicts goes to the next. None if absent. */
  readonly tiers?: readonly KvTier[]
}

/** The blocks of prompts as a tree: a node is a run of blocks that a request passes completely or not at all. */
export interface BlockTreeColumns {
  readonly blockTokens: number
  readonly size: number
  /** Nodes on the longest path. */
  readonly depth: number
  /** By node: its parent, -1 for none and before its children; blocks before it, and up to its end. */
  readonly parent: Int32Array
  readonly start: Int32Array
  readonly end: Int32Array
  /** By request: the deepest node of its path, -1 when it shares no whole block. */
  readonly leaf: Int32Array
}

/**
 * KV caches that the engine may keep itself: blocks by prefix, evicted leaf first, least recently used. What
 * comes out is the same as with those that the factory makes.
 */
export interface RadixPlan {
  readonly prefixCaching: boolean
  /** Backends that hold the same content, from which on it gets an entry for every backend. */
  readonly wideFrom: number
  treeOf(requests: RequestTable, blockTokens: number): BlockTreeColumns
}

/** Makes the caches of a cluster for the requests of a workload. */
export interface KvCacheFactory {
  (requests: RequestTable, backends: readonly KvCapacity[]): KvCache
  /** Says how an engine would keep them; absent where it can not. */
  readonly radix?: RadixPlan
}
