import type { BackendTotals, RequestOutcomes, RequestTable } from '@routesim/core'
import { orNull } from '../statistics/or-null.js'

/** KV cache of one backend, counted over the measured requests it computed the prompts of. */
export interface BackendCacheStatistics {
  /** Blocks: all, and as they were at the end of the run. */
  readonly total_blocks: number
  /** `held_blocks + cached_blocks`. */
  readonly used_blocks: number
  readonly held_blocks: number
  readonly cached_blocks: number
  readonly free_blocks: number
  /** `used_blocks / total_blocks`. */
  readonly utilization: number | null
  /** Admitted requests that found some of their prompt cached, and those that found none. */
  readonly hits: number
  readonly misses: number
  /** `hits / (hits + misses)`. */
  readonly hit_rate: number | null
  /** Prompt tokens found cached, as a share of the prompt tokens of admitted requests. */
  readonly token_hit_rate: number | null
  /** Cached blocks given up for others. */
  readonly evictions: number
}

/** How well prefix caching worked, for the fleet and for each backend. */
export interface CacheStatistics {
  /** Share of admitted requests with any cached token. */
  readonly requestHitRate: number | null
  /** Cached share of the prompt tokens of admitted requests. */
  readonly tokenHitRate: number | null
  /** Share of the prompt tokens of admitted requests that lower tiers gave. */
  readonly loadedTokenRate: number | null
  /** Mean, over admitted requests with shareable content, of the share of it that was cached. */
  readonly reuseRate: number | null
  readonly perBackend: readonly BackendCacheStatistics[]
}

/** Cache hits of measured requests, on the backends that computed their prompts. */
export class CacheCounts {
  private readonly hits: Float64Array
  private readonly misses: Float64Array
  private readonly cachedTokens: Float64Array
  private readonly promptTokens: Float64Array
  private loadedTokens = 0
  private reuseSum = 0
  private reuseCount = 0

  constructor(backends: number) {
    this.hits = new Float64Array(backends)
    this.misses = new Float64Array(backends)
    this.cachedTokens = new Float64Array(backends)
    this.promptTokens = new Float64Array(backends)
  }

  /** Counts the request of a row, if it was admitted. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    if (Number.isNaN(outcomes.admittedMs[row]!)) return
    const backend = outcomes.prefillBackend[row]!
    const cached = outcomes.cachedTokens[row]!
    if (cached > 0) this.hits[backend]!++
    else this.misses[backend]!++
    this.cachedTokens[backend]! += cached
    this.loadedTokens += outcomes.loadedTokens?.[row] ?? 0
    this.promptTokens[backend]! += requests.promptTokens[row]!
    const node = requests.promptNode[row]!
    if (node < 0) return
    const shareable = Math.min(requests.promptTokens[row]!, requests.prompts.endTokens[node]!)
    this.reuseSum += cached / shareable
    this.reuseCount++
  }

  statistics(backends: readonly BackendTotals[]): CacheStatistics {
    const { hits, misses, cachedTokens, promptTokens } = this
    return {
      requestHitRate: orNull(sum(hits) / (sum(hits) + sum(misses))),
      tokenHitRate: orNull(sum(cachedTokens) / sum(promptTokens)),
      loadedTokenRate: orNull(this.loadedTokens / sum(promptTokens)),
      reuseRate: orNull(this.reuseSum / this.reuseCount),
      perBackend: backends.map((backend, id) => {
        const used = backend.heldBlocks + backend.cachedBlocks
        return {
          total_blocks: backend.totalBlocks,
          used_blocks: used,
          held_blocks: backend.heldBlocks,
          cached_blocks: backend.cachedBlocks,
          free_blocks: backend.totalBlocks - used,
          utilization: orNull(used / backend.totalBlocks),
          hits: hits[id]!,
          misses: misses[id]!,
          hit_rate: orNull(hits[id]! / (hits[id]! + misses[id]!)),
          token_hit_rate: orNull(cachedTokens[id]! / promptTokens[id]!),
          evictions: backend.evictions,
        }
      }),
    }
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
