import type { KvCapacity, RenewableKvCache, RequestTable } from '@routesim/core'
import { type BlockListener, type BlockNames, BlockStore } from './block-store.js'
import { checkStoredBlocks, StoredKvCache } from './stored-kv-cache.js'

/** What a {@link ContentKvCache} works on. */
export interface ContentKvCacheOptions {
  /** Rows with the lengths of requests. */
  readonly requests: RequestTable
  readonly backends: readonly KvCapacity[]
  /** Names the blocks of the rows of a backend while their requests are under way. */
  contents(backend: number): BlockNames
  /** Whether computed blocks are kept for reuse. */
  readonly prefixCaching: boolean
  /** Who hears of the blocks of a backend. */
  listener?(backend: number): BlockListener
}

/**
 * Paged KV caches for requests that are not known in advance: what their blocks hold is named when they
 * come, and it can be heard what each cache stores and gives up. Otherwise as {@link pagedKvCache}.
 */
export class ContentKvCache extends StoredKvCache<BlockNames> implements RenewableKvCache {
  constructor({ requests, backends, contents, prefixCaching, listener }: ContentKvCacheOptions) {
    checkStoredBlocks(backends)
    const stores = backends.map(
      (capacity, id) => new BlockStore(capacity, contents(id), prefixCaching, listener?.(id)),
    )
    super(requests, stores)
  }

  /** Gives up all that a backend keeps for reuse and nobody holds. */
  drop(backend: number): void {
    this.stores[backend]!.drop()
  }

  // Whoever names the blocks of a row names those of its next request.
  renew(): void {}

  clear(backend: number): void {
    this.stores[backend]!.clear()
  }
}
