import type { RequestTable } from '@routesim/core'
import { blockTokensFor } from '../formats/block-tokens.js'
import { type ArrivalStatistics, arrivalStatistics } from './arrival-statistics.js'
import { BlockRanges } from './block-ranges.js'
import { type PrefixStatistics, prefixStatistics } from './prefix-statistics.js'
import { type SessionStatistics, sessionStatistics } from './session-statistics.js'
import { type Spread, spreadOf } from './spread.js'
import type { TraceStatsOptions } from './trace-stats.js'

/** What a trace is, as far as it matters to routers and caches. Lengths are in tokens. */
export interface TraceAnalysis {
  readonly requests: number
  readonly blockTokens: number
  readonly inputLength: Spread
  /**
   * Blocks that occur more than once in the trace, times the block size; the whole input when all of
   * its blocks do.
   */
  readonly contextLength: Spread
  /** The input without its context. */
  readonly uniquePromptLength: Spread
  readonly outputLength: Spread
  /**
   * Per request, the share of its blocks before the first that no earlier request had: what one cache
   * without limit would hold, answers left aside.
   */
  readonly theoreticalHitRate: Spread
  /** The same over all blocks, and over all tokens, of the trace. */
  readonly blockHitRate: number
  readonly tokenHitRate: number
  readonly arrivals: ArrivalStatistics
  readonly prefixes: PrefixStatistics
  readonly sessions: SessionStatistics
}

/**
 * Analyses a trace. Lengths and hit rates follow the prefix analyser of NVIDIA Dynamo
 * (`datagen analyze`, benchmarks/prefix_data_generator at d0cb2586).
 * @throws RouteSimError `trace_option_invalid` when `blockTokens` is not a positive integer
 *
 * @example
 * const { table } = await readTrace('conversation_trace.jsonl.gz')
 * console.log(analyzeTrace(table).theoreticalHitRate.mean)
 */
export function analyzeTrace(table: RequestTable, options: TraceStatsOptions = {}): TraceAnalysis {
  const blockTokens = blockTokensFor(table, options.blockTokens)
  const ranges = new BlockRanges(table, blockTokens)
  const { size, promptTokens, outputTokens } = table
  const repeatedBefore = repeatedBlocks(table, ranges)
  const context = new Float64Array(size)
  const hitRate = new Float64Array(size)
  const seen = new Uint8Array(ranges.size)
  const total = { blocks: 0, hitBlocks: 0, tokens: 0, hitTokens: 0 }
  for (let row = 0; row < size; row++) {
    const nameless = ranges.lookAt(row)
    const { from, to } = ranges
    const blocks = Math.ceil(promptTokens[row]! / blockTokens)
    let repeated = 0
    let hits = 0
    let isHit = true
    for (let range = 0; range < from.length; range++) {
      const first = from[range]!
      const end = to[range]!
      repeated += repeatedBefore[end]! - repeatedBefore[first]!
      // What was seen of a range is its beginning.
      if (isHit) hits += seenOf(seen, first, end)
      isHit &&= seen[end - 1] === 1
      if (seen[end - 1] === 0) seen.fill(1, first, end)
    }
    const isAll = nameless === 0 && repeated === blocks
    context[row] = isAll ? promptTokens[row]! : repeated * blockTokens
    hitRate[row] = hits / blocks
    total.blocks += blocks
    total.hitBlocks += hits
    total.tokens += promptTokens[row]!
    total.hitTokens += Math.min(hits * blockTokens, promptTokens[row]!)
  }
  return {
    requests: size,
    blockTokens,
    inputLength: spreadOf(Float64Array.from(promptTokens)),
    uniquePromptLength: spreadOf(context.map((length, row) => promptTokens[row]! - length)),
    contextLength: spreadOf(context),
    outputLength: spreadOf(Float64Array.from(outputTokens)),
    theoreticalHitRate: spreadOf(hitRate),
    blockHitRate: total.blocks === 0 ? 0 : total.hitBlocks / total.blocks,
    tokenHitRate: total.tokens === 0 ? 0 : total.hitTokens / total.tokens,
    arrivals: arrivalStatistics(table.arrivalMs),
    prefixes: prefixStatistics(table, ranges, total.blocks),
    sessions: sessionStatistics(table),
  }
}

/** Sums: how many blocks below a number occur more than once. */
function repeatedBlocks(table: RequestTable, ranges: BlockRanges): Int32Array {
  const change = new Int32Array(ranges.size + 1)
  for (let row = 0; row < table.size; row++) {
    ranges.lookAt(row)
    for (let range = 0; range < ranges.from.length; range++) {
      change[ranges.from[range]!]!++
      change[ranges.to[range]!]!--
    }
  }
  let uses = 0
  let repeated = 0
  for (let block = 0; block < change.length; block++) {
    uses += change[block]!
    change[block] = repeated
    if (uses > 1) repeated++
  }
  return change
}

/** How many blocks at the beginning of a range were seen. */
function seenOf(seen: Uint8Array, from: number, to: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (seen[middle] === 1) low = middle + 1
    else high = middle
  }
  return low - from
}
