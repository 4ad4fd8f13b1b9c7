import type { RequestTable } from '@routesim/core'
import type { BlockRanges } from './block-ranges.js'
import { StackDistances } from './stack-distances.js'

/** How much an LRU cache of some size would find. */
export interface CachePoint {
  readonly blocks: number
  readonly tokens: number
  /** Share of all prompt blocks of the trace. */
  readonly hitRate: number
}

/** What prompts share. */
export interface PrefixStatistics {
  /** Distinct blocks of all prompts: the working set. */
  readonly distinctBlocks: number
  /** Blocks that were used again, of those. */
  readonly reusedBlocks: number
  /** Groups of two requests or more whose prompts have the same first block. */
  readonly groups: number
  /** Requests in them. */
  readonly groupedRequests: number
  /** Requests of the largest groups, largest first; ten at most. */
  readonly largestGroups: readonly number[]
  /** Exponent s of the popularity of groups, k^-s, by least squares over ranks; 0 for less than three. */
  readonly zipfExponent: number
  /** Distinct blocks used between two uses of a block: quantiles over all uses but the first. */
  readonly reuseDistance: { readonly median: number; readonly p90: number; readonly max: number }
  /** Hit rate of one LRU cache, by its size: doubling, up to the working set. */
  readonly cache: readonly CachePoint[]
}

/** Describes what prompts share; `blocks` is how many all prompts have together. */
export function prefixStatistics(
  table: RequestTable,
  ranges: BlockRanges,
  blocks: number,
): PrefixStatistics {
  let nameless = 0
  let named = 0
  const groups = new Map<number, number>()
  for (let row = 0; row < table.size; row++) {
    nameless += ranges.lookAt(row)
    const first = ranges.from[0]
    if (first !== undefined) groups.set(first, (groups.get(first) ?? 0) + 1)
    for (let i = 0; i < ranges.from.length; i++) named += ranges.to[i]! - ranges.from[i]!
  }
  const distances = new StackDistances(ranges.size, named + table.size)
  for (let row = 0; row < table.size; row++) {
    const own = ranges.lookAt(row)
    distances.use(ranges.from, ranges.to, own)
  }
  const sizes = [...groups.values()].filter((count) => count > 1).sort((a, b) => b - a)
  const distinct = distances.firstUses + nameless
  return {
    distinctBlocks: distinct,
    reusedBlocks: named - distances.firstUses,
    groups: sizes.length,
    groupedRequests: sizes.reduce((sum, count) => sum + count, 0),
    largestGroups: sizes.slice(0, 10),
    zipfExponent: zipfExponent(sizes),
    reuseDistance: {
      median: quantile(distances.counts, 0.5),
      p90: quantile(distances.counts, 0.9),
      max: quantile(distances.counts, 1),
    },
    cache: cacheCurve(distances, distinct, blocks, ranges.blockTokens),
  }
}

function cacheCurve(
  distances: StackDistances,
  distinct: number,
  blocks: number,
  blockTokens: number,
): CachePoint[] {
  const points: CachePoint[] = []
  for (let capacity = 64; ; capacity *= 2) {
    const size = Math.min(capacity, distinct)
    const hitRate = blocks === 0 ? 0 : distances.hits(size) / blocks
    points.push({ blocks: size, tokens: size * blockTokens, hitRate })
    if (capacity >= distinct) return points
  }
}

function quantile(counts: Float64Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  for (let value = 0; value < counts.length; value++) {
    below += counts[value]!
    if (below > 0 && below >= share * total) return value
  }
  return 0
}

function zipfExponent(sizes: readonly number[]): number {
  if (sizes.length < 3) return 0
  const points = sizes.map((count, i) => [Math.log(i + 1), Math.log(count)] as const)
  const mean = (of: 0 | 1): number => points.reduce((sum, p) => sum + p[of], 0) / points.length
  const x = mean(0)
  const y = mean(1)
  const slope =
    points.reduce((sum, p) => sum + (p[0] - x) * (p[1] - y), 0) /
    points.reduce((sum, p) => sum + (p[0] - x) ** 2, 0)
  return Math.max(0, -slope)
}
