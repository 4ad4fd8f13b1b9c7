import { RouteSimError } from '../errors/routesim-error.js'
import type { KvCacheView, KvCapacity, KvUsage } from '../kv-cache/kv-cache.js'
import type { NativeExports } from './native-module.js'

/** Columns of the caches by backend. */
export interface NativeKvColumns {
  readonly freeBlocks: Int32Array
  readonly evictable: Int32Array
  readonly evictions: Float64Array
  /** Where a match is written, and where that begins. */
  readonly matched: Int32Array
  readonly matchedAt: number
}

/** The KV caches of the native engine, as others may look at them. */
export class NativeKvCache implements KvCacheView {
  readonly sharesPrefixes: boolean
  private readonly engine: NativeExports
  private readonly capacity: readonly KvCapacity[]
  private readonly columns: NativeKvColumns

  constructor(
    engine: NativeExports,
    capacity: readonly KvCapacity[],
    sharesPrefixes: boolean,
    columns: NativeKvColumns,
  ) {
    this.engine = engine
    this.capacity = capacity
    this.sharesPrefixes = sharesPrefixes
    this.columns = columns
  }

  match(request: number, out: Int32Array): void {
    if (!this.sharesPrefixes) {
      out.fill(0)
      return
    }
    this.engine.match(request, this.columns.matchedAt)
    out.set(this.columns.matched)
  }

  canEverFit(backend: number, tokens: number): boolean {
    const { blocks, blockTokens } = this.capacity[backend]!
    return tokens <= blocks * blockTokens
  }

  usage(backend: number, out: KvUsage): void {
    const { freeBlocks, evictable } = this.columns
    out.total = this.capacity[backend]!.blocks
    out.cached = evictable[backend]!
    out.free = freeBlocks[backend]!
    out.held = out.total - out.cached - out.free
  }

  evictions(backend: number): number {
    return this.columns.evictions[backend]!
  }

  verify(): void {
    const fault = this.engine.verifyCache()
    if (fault === -1) return
    const what =
      fault === -2
        ? 'the segments of an extent leave a gap'
        : `backend ${fault}: its blocks do not add up to what it has`
    throw new RouteSimError(`KV cache: ${what}`, { code: 'kv_cache_broken' })
  }
}
