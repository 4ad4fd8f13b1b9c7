import { RouteSimError } from '../errors/routesim-error.js'
import type { KvCacheView, KvCapacity, KvUsage } from '../kv-cache/kv-cache.js'
import type { NativeMemory } from './native-columns.js'
import type { NativeExports } from './native-module.js'

/** The KV caches of the native engine, as others may look at them. */
export class NativeKvCache implements KvCacheView {
  readonly sharesPrefixes: boolean
  private readonly engine: NativeExports
  private readonly capacity: readonly KvCapacity[]
  private readonly freeBlocks: Int32Array
  private readonly evictable: Int32Array
  private readonly evicted: Float64Array
  /** Where a match is written, and where that begins. */
  private readonly matched: Int32Array
  private readonly matchedAt: number

  constructor(
    engine: NativeExports,
    memory: NativeMemory,
    specs: readonly { readonly kv: KvCapacity }[],
    sharesPrefixes: boolean,
  ) {
    this.engine = engine
    this.capacity = specs.map(({ kv }) => kv)
    this.sharesPrefixes = sharesPrefixes
    this.freeBlocks = memory.ints('freeBlocks', specs.length)
    this.evictable = memory.ints('evictable', specs.length)
    this.evicted = memory.floats('evictions', specs.length)
    this.matchedAt = engine.memoryFor(specs.length * Int32Array.BYTES_PER_ELEMENT)
    this.matched = memory.intsAt(this.matchedAt, specs.length)
  }

  match(request: number, out: Int32Array): void {
    if (!this.sharesPrefixes) {
      out.fill(0)
      return
    }
    this.engine.match(request, this.matchedAt)
    out.set(this.matched)
  }

  canEverFit(backend: number, tokens: number): boolean {
    const { blocks, blockTokens } = this.capacity[backend]!
    return tokens <= blocks * blockTokens
  }

  usage(backend: number, out: KvUsage): void {
    const { freeBlocks, evictable } = this
    out.total = this.capacity[backend]!.blocks
    out.cached = evictable[backend]!
    out.free = freeBlocks[backend]!
    out.held = out.total - out.cached - out.free
  }

  evictions(backend: number): number {
    return this.evicted[backend]!
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
