import type { KvCache, KvCacheFactory, KvCapacity, KvListener, RequestTable } from '@routesim/core'
import { BlockContents } from './block-contents.js'
import { BlockStore } from './block-store.js'
import { checkStoredBlocks, StoredKvCache } from './stored-kv-cache.js'

/** How the KV caches of a cluster behave. */
export interface PagedKvCacheOptions {
  /** Whether computed blocks are kept for reuse; true by default, as in current engines. */
  readonly prefixCaching?: boolean
}

/** The paged KV caches of all backends of a cluster, see {@link pagedKvCache}. */
class PagedKvCache extends StoredKvCache<BlockContents> implements KvCache {
  readonly sharesPrefixes: boolean
  private listener: KvListener | undefined

  constructor(requests: RequestTable, backends: readonly KvCapacity[], prefixCaching: boolean) {
    checkStoredBlocks(backends)
    const contents = new Map<number, BlockContents>()
    const stores = backends.map((capacity) => {
      let named = contents.get(capacity.blockTokens)
      if (named === undefined) {
        named = new BlockContents(requests, capacity.blockTokens)
        contents.set(capacity.blockTokens, named)
      }
      return new BlockStore(capacity, named, prefixCaching)
    })
    super(requests, stores)
    this.sharesPrefixes = prefixCaching
  }

  override match(request: number, out: Int32Array): void {
    const { promptTokens, promptNode, prompts } = this.requests
    const node = promptNode[request]!
    const sharedTokens = node < 0 ? 0 : prompts.endTokens[node]!
    const tokens = Math.min(promptTokens[request]! - 1, sharedTokens)
    for (let i = 0; i < this.stores.length; i++) out[i] = this.stores[i]!.match(request, tokens)
  }

  clear(backend: number): void {
    const store = this.stores[backend]!
    const { onChange } = store
    // One word for all of it: an engine that goes down does not name its blocks.
    store.onChange = undefined
    store.clear()
    store.onChange = onChange
    this.listener?.cleared(backend)
  }

  matchBelow(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    out: Int32Array,
  ): number {
    return this.stores[backend]!.matchBelow(request, cachedTokens, tokens, out)
  }

  readBelow(backend: number, request: number, cachedTokens: number, tokens: number): void {
    this.stores[backend]!.readBelow(request, cachedTokens, tokens)
  }

  usageBelow(backend: number): number[] {
    return this.stores[backend]!.usageBelow()
  }

  listen(listener: KvListener): void {
    this.listener = listener
    for (const [backend, store] of this.stores.entries()) {
      store.onChange = (isStored, id) => {
        const node = store.contents.nodeOf(id)
        if (node < 0) return
        const { blockTokens } = store
        const from = store.contents.blockOf(node, id) * blockTokens
        if (isStored) listener.stored(backend, node, from, from + blockTokens)
        else listener.removed(backend, node, from, from + blockTokens)
      }
    }
  }
}

/**
 * Paged KV caches with reference counts, prefix caching by prompt path and leaf-first LRU eviction.
 *
 * @example
 * const cluster = { backends, kvCache: pagedKvCache() }
 */
export function pagedKvCache(options: PagedKvCacheOptions = {}): KvCacheFactory {
  return (requests, backends) => new PagedKvCache(requests, backends, options.prefixCaching ?? true)
}
