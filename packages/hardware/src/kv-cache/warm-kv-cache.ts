import type { KvCacheFactory, KvCapacity, RequestTable } from '@routesim/core'
import { WIDE_FROM } from './node-holders.js'
import { RadixKvCache } from './radix-kv-cache.js'

/** KV caches that hold the prefix of a request, `prefixTokens` of the table, whenever it asks for it. */
class WarmKvCache extends RadixKvCache {
  private readonly prefixTokens: Int32Array

  constructor(requests: RequestTable, capacity: readonly KvCapacity[]) {
    super(requests, capacity, true, WIDE_FROM)
    this.prefixTokens = requests.prefixTokens
  }

  override matchOn(backend: number, request: number, tokens: number): number {
    const blockTokens = this.blockTokens[backend]!
    const prefix = Math.min(this.prefixTokens[request]!, tokens)
    return Math.max(super.matchOn(backend, request, tokens), prefix - (prefix % blockTokens))
  }

  override admit(backend: number, request: number, cachedTokens: number, tokens: number): boolean {
    const held = super.matchOn(backend, request, cachedTokens)
    if (!super.admit(backend, request, held, tokens)) return false
    // Of the prefix, what is not there takes blocks like any other, but no time.
    if (cachedTokens > held) this.commit(backend, request, cachedTokens)
    return true
  }

  override couldAdmit(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    spareBlocks: number,
  ): boolean {
    const held = super.matchOn(backend, request, cachedTokens)
    return super.couldAdmit(backend, request, held, tokens, spareBlocks)
  }
}

/**
 * KV caches as `radixKvCache` makes them, to replay requests whose cached tokens were measured: each finds
 * its prefix, `prefixTokens` of the table in whole blocks, whatever came before it and was evicted since.
 * What is not there then takes blocks, and evicts others, but no time. Prefixes of different requests share
 * blocks as far as their prompt paths say.
 */
export function warmKvCache(): KvCacheFactory {
  return (requests, backends) => new WarmKvCache(requests, backends)
}
