import type { BackendSpec } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { KvCache, KvTier } from '../kv-cache/kv-cache.js'
import type { FleetContext } from './fleet.js'

/** What one backend has loaded from a lower tier up to some time. */
export interface KvTierCounters {
  readonly loads: number
  readonly loadedTokens: number
  /** Time in which the link was, or will be, busy with them, in ms. */
  readonly loadMs: number
}

type TieredCache = Required<Pick<KvCache, 'matchBelow' | 'readBelow'>>

/** One tier of one backend: its link, and what went over it. */
interface TierLink {
  readonly tier: KvTier
  freeMs: number
  loads: number
  blocks: number
  loadMs: number
}

/** Whether a backend keeps evicted KV blocks in lower tiers. */
export function hasTiers({ kv }: BackendSpec): boolean {
  return kv.tiers !== undefined && kv.tiers.length > 0
}

/**
 * Requests that wait for KV blocks from lower tiers, and those whose blocks have come. They hold blocks
 * for all tokens that are known of them, so that whoever has loaded can be computed without any more:
 * requests that wait for each other's blocks could otherwise block a backend for ever.
 */
export class KvLoads {
  /** Per backend: requests whose blocks are on their way, and those that go first in the next batch. */
  readonly loading: readonly number[][]
  readonly loaded: readonly number[][]
  private readonly context: FleetContext
  private readonly links: readonly (readonly TierLink[])[]
  private readonly blocks: Int32Array
  private readonly kv: TieredCache | undefined

  /** @throws RouteSimError `options_invalid` when the KV caches know no lower tiers */
  constructor(context: FleetContext) {
    const { specs } = context
    this.context = context
    this.loading = specs.map(() => [])
    this.loaded = specs.map(() => [])
    this.links = specs.map(({ kv: { tiers = [] } }) =>
      tiers.map((tier) => ({ tier, freeMs: 0, loads: 0, blocks: 0, loadMs: 0 })),
    )
    this.blocks = new Int32Array(Math.max(...this.links.map(({ length }) => length)))
    if (specs.some(hasTiers)) this.kv = tiered(context.kv)
  }

  /** Tokens next to the cached ones, of the first `tokens` of a request, that lower tiers have. */
  find(backend: number, request: number, cachedTokens: number, tokens: number): number {
    if (this.kv === undefined || this.links[backend]!.length === 0) return 0
    const blocks = this.kv.matchBelow(backend, request, cachedTokens, tokens, this.blocks)
    return blocks * this.context.specs[backend]!.kv.blockTokens
  }

  /** Says, before blocks are allocated, that those found last for a request will be read. */
  read(backend: number, request: number, cachedTokens: number, foundTokens: number): void {
    this.kv!.readBelow(backend, request, cachedTokens, cachedTokens + foundTokens)
  }

  /**
   * Sends the blocks that were found last on their way; those for all of the request are held.
   * @param known - tokens of the request that exist
   */
  begin(
    backend: number,
    request: number,
    cachedTokens: number,
    foundTokens: number,
    known: number,
  ): void {
    const { progress, clock, listener } = this.context
    progress.computedTokens[request] = cachedTokens + foundTokens
    progress.heldTokens[request] = known
    progress.swappedTokens[request] = 0
    progress.loadingOn[request] = backend
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.cachedTokens[request] = cachedTokens
      progress.loadedTokens![request] = foundTokens
    }
    this.loading[backend]!.push(request)
    let dueMs = clock.nowMs
    for (const [i, link] of this.links[backend]!.entries()) {
      const blocks = this.blocks[i]!
      if (blocks === 0) continue
      const durationMs = link.tier.latencyMs + blocks * link.tier.msPerBlock
      link.freeMs = Math.max(link.freeMs, clock.nowMs) + durationMs
      link.loads++
      link.blocks += blocks
      link.loadMs += durationMs
      dueMs = Math.max(dueMs, link.freeMs)
    }
    listener.loadStarted(request, dueMs)
  }

  /** The blocks of a request have come. */
  complete(backend: number, request: number): void {
    this.remove(backend, request)
    this.loaded[backend]!.push(request)
  }

  /** Forgets a request. @returns false when it is not among those that load or have loaded */
  remove(backend: number, request: number): boolean {
    for (const requests of [this.loading[backend]!, this.loaded[backend]!]) {
      const at = requests.indexOf(request)
      if (at < 0) continue
      requests.splice(at, 1)
      this.context.progress.loadingOn[request] = -1
      return true
    }
    return false
  }

  /** A backend has failed: its requests are lost, and its links are free. */
  clear(backend: number): void {
    this.loading[backend]!.length = 0
    this.loaded[backend]!.length = 0
    for (const link of this.links[backend]!) link.freeMs = 0
  }

  counters(backend: number): KvTierCounters[] {
    const { blockTokens } = this.context.specs[backend]!.kv
    return this.links[backend]!.map(({ loads, blocks, loadMs }) => ({
      loads,
      loadedTokens: blocks * blockTokens,
      loadMs,
    }))
  }
}

function tiered(kv: KvCache): TieredCache {
  if (kv.matchBelow !== undefined && kv.readBelow !== undefined) return kv as KvCache & TieredCache
  throw new RouteSimError(
    'cluster.kvCache: expected caches with matchBelow and readBelow, as backends have kv.tiers',
    { code: 'options_invalid', path: 'cluster.kvCache', hint: 'Use radixKvCache().' },
  )
}
