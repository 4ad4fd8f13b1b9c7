import type { RequestTable } from '@routesim/core'
import { blockTokensFor } from '../formats/block-tokens.js'
import { BlockNumbering } from './block-numbering.js'
import { promptSharing } from './prompt-sharing.js'

/** Options of {@link traceStats}. */
export interface TraceStatsOptions {
  /** Block size in tokens at which sharing is counted; default that of the trace, or 512. */
  readonly blockTokens?: number | undefined
}

/** Figures of a trace that matter to a router. */
export interface TraceStats {
  readonly requests: number
  /** From the first arrival to the last, in ms. */
  readonly spanMs: number
  readonly meanPromptTokens: number
  readonly meanOutputTokens: number
  readonly blockTokens: number
  /** Prompt blocks of all requests; a partial last block counts as one. */
  readonly blocks: number
  /** Prompt blocks that differ in content, length or in anything before them. */
  readonly distinctBlocks: number
  /**
   * Share of `blocks` that one cache without limit would hold when the request arrives, answers of
   * earlier requests included: the most that any router and any cache can reuse.
   */
  readonly infiniteCacheHitRate: number
}

/**
 * Counts a trace.
 * @throws RouteSimError `trace_option_invalid` when `blockTokens` is not a positive integer
 */
export function traceStats(table: RequestTable, options: TraceStatsOptions = {}): TraceStats {
  const blockTokens = blockTokensFor(table, options.blockTokens)
  const { size, arrivalMs, promptTokens, outputTokens } = table
  const { sharedTokens } = promptSharing(table)
  const numbering = new BlockNumbering(table, blockTokens)
  let prompt = 0
  let output = 0
  let blocks = 0
  let privateBlocks = 0
  let hits = 0
  for (let row = 0; row < size; row++) {
    const tokens = promptTokens[row]!
    prompt += tokens
    output += outputTokens[row]!
    const total = Math.ceil(tokens / blockTokens)
    blocks += total
    const before = numbering.size
    const numbers = numbering.blocksOf(row)
    privateBlocks += total - numbers.length
    // What is new in a path is numbered anew: the rest was an earlier prompt's.
    const ofPrompts = numbers.length - (numbering.size - before)
    const ofAnswersToo = Math.floor(Math.min(sharedTokens[row]!, tokens) / blockTokens)
    hits += Math.max(ofPrompts, ofAnswersToo)
  }
  return {
    requests: size,
    spanMs: size === 0 ? 0 : arrivalMs[size - 1]! - arrivalMs[0]!,
    meanPromptTokens: size === 0 ? 0 : prompt / size,
    meanOutputTokens: size === 0 ? 0 : output / size,
    blockTokens,
    blocks,
    distinctBlocks: numbering.size + privateBlocks,
    infiniteCacheHitRate: blocks === 0 ? 0 : hits / blocks,
  }
}
