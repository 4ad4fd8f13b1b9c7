import type { KvCache, KvCapacity, KvUsage, RequestTable } from '@routesim/core'
import { type BlockListener, type BlockNames, BlockStore } from './block-store.js'

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
export class ContentKvCache implements KvCache {
  private readonly stores: readonly BlockStore[]
  private readonly requests: RequestTable

  constructor({ requests, backends, contents, prefixCaching, listener }: ContentKvCacheOptions) {
    this.requests = requests
    this.stores = backends.map(
      (capacity, id) => new BlockStore(capacity, contents(id), prefixCaching, listener?.(id)),
    )
  }

  match(request: number, out: Int32Array): void {
    const tokens = this.requests.promptTokens[request]! - 1
    for (let i = 0; i < this.stores.length; i++) out[i] = this.stores[i]!.match(request, tokens)
  }

  matchOn(backend: number, request: number, tokens: number): number {
    return this.stores[backend]!.match(request, tokens)
  }

  admit(backend: number, request: number, cachedTokens: number, tokens: number): boolean {
    return this.stores[backend]!.admit(request, cachedTokens, tokens)
  }

  couldAdmit(
    backend: number,
    request: number,
    cachedTokens: number,
    tokens: number,
    spareBlocks: number,
  ): boolean {
    return this.stores[backend]!.couldAdmit(request, cachedTokens, tokens, spareBlocks)
  }

  extend(backend: number, request: number, tokens: number): boolean {
    return this.stores[backend]!.extend(request, tokens)
  }

  commit(backend: number, request: number, tokens: number): void {
    this.stores[backend]!.commit(request, tokens)
  }

  // What is cached is found by its content, whoever comes for it.
  release(backend: number, request: number): void {
    this.stores[backend]!.release(request)
  }

  canEverFit(backend: number, tokens: number): boolean {
    const { total, blockTokens } = this.stores[backend]!
    return Math.ceil(tokens / blockTokens) <= total
  }

  usage(backend: number, out: KvUsage): void {
    this.stores[backend]!.usage(out)
  }

  evictions(backend: number): number {
    return this.stores[backend]!.evictions
  }

  /** Gives up all that a backend keeps for reuse and nobody holds. */
  drop(backend: number): void {
    this.stores[backend]!.drop()
  }

  clear(backend: number): void {
    this.stores[backend]!.clear()
  }

  verify(): void {
    for (const store of this.stores) store.verify()
  }
}
