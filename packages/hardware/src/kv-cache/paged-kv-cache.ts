import type { KvCacheFactory } from '@routesim/core'
import { BlockContents } from './block-contents.js'
import { ContentKvCache } from './content-kv-cache.js'

/** How the KV caches of a cluster behave. */
export interface PagedKvCacheOptions {
  /** Whether computed blocks are kept for reuse; true by default, as in current engines. */
  readonly prefixCaching?: boolean
}

/**
 * Paged KV caches with reference counts, prefix caching by prompt path and leaf-first LRU eviction.
 *
 * @example
 * const cluster = { backends, kvCache: pagedKvCache() }
 */
export function pagedKvCache(options: PagedKvCacheOptions = {}): KvCacheFactory {
  const { prefixCaching = true } = options
  return (requests, backends) => {
    const named = new Map<number, BlockContents>()
    const contents = (backend: number): BlockContents => {
      const { blockTokens } = backends[backend]!
      const known = named.get(blockTokens) ?? new BlockContents(requests, blockTokens)
      named.set(blockTokens, known)
      return known
    }
    return new ContentKvCache({ requests, backends, contents, prefixCaching })
  }
}
