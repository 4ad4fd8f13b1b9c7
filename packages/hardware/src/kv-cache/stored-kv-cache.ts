import { type KvCapacity, type KvUsage, type RequestTable, RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
import type { BlockNames, BlockStore } from './block-store.js'

/** KV blocks that caches keep one by one at most: each takes 20 bytes, so all together about 3 GB. */
export const MOST_STORED_BLOCKS: number = 2 ** 27

/** @throws RouteSimError `kv_blocks_too_many` before memory is taken for too many blocks */
export function checkStoredBlocks(caches: readonly KvCapacity[]): void {
  const all = caches.reduce((sum, { blocks }) => sum + blocks, 0)
  if (all <= MOST_STORED_BLOCKS) return
  throw new RouteSimError<HardwareErrorCode>(
    `expected at most ${MOST_STORED_BLOCKS} KV blocks in all backends where each block is kept by itself, got ${all} in ${caches.length} caches`,
    {
      code: 'kv_blocks_too_many',
      path: 'cluster.kv_cache_blocks',
      hint: 'Take fewer backends, give them fewer blocks (cluster.kv_cache_blocks) or larger ones (cluster.kv_block_size), or simulate with the fast stepper.',
    },
  )
}

/** KV caches of several backends with a store of blocks each. */
export class StoredKvCache<Names extends BlockNames> {
  protected readonly stores: readonly BlockStore<Names>[]
  protected readonly requests: RequestTable

  constructor(requests: RequestTable, stores: readonly BlockStore<Names>[]) {
    this.requests = requests
    this.stores = stores
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

  verify(): void {
    for (const store of this.stores) store.verify()
  }
}
