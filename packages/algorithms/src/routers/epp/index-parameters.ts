import type { BooleanParameter, NumberParameter } from '../../definition/router-parameters.js'
import { PrefixBelief, type PrefixIndexKind } from '../../prefix-index/prefix-belief.js'

/*
 * What llm-d's routers let one set of their approximate index, beside how much of a prompt it looks at.
 *
 * Source: llm-d/llm-d-router, pkg/epp/framework/plugins/requestcontrol/dataproducer/approximateprefix at ebab687, whose
 * blocks have 64 tokens at least.
 */

export const indexBlockTokensParameter: NumberParameter = {
  default: 64,
  min: 1,
  integer: true,
  description: 'Tokens of a block of an approximate index, which sees whole blocks only.',
}

export const indexBlocksParameter: NumberParameter = {
  default: 31_250,
  min: 1,
  integer: true,
  description: 'Blocks per backend that an approximate index keeps.',
}

export const autoTuneParameter: BooleanParameter = {
  default: true,
  description:
    'Whether blocks of an approximate index are those of the KV cache where these are larger, and it keeps as many per backend as the KV cache has, where that is known.',
}

/** Values of these, and what else an approximate index goes by. */
export interface EppIndexOptions {
  readonly index: PrefixIndexKind
  readonly index_block_tokens: number
  readonly index_blocks: number
  readonly auto_tune: boolean
  readonly max_prefix_tokens: number
  /** Whether the last, shorter block of a prompt counts. */
  readonly partial_block: boolean
  readonly predictedMs: number
}

/** What is believed with these. */
export function eppBelief(options: EppIndexOptions): PrefixBelief {
  return new PrefixBelief(options.index, {
    blockTokens: options.index_block_tokens,
    capacityBlocks: options.index_blocks,
    ttlMs: Number.POSITIVE_INFINITY,
    maxTokens: options.max_prefix_tokens,
    countsAfterGaps: true,
    countsRests: options.partial_block,
    followsKvBlocks: options.auto_tune,
    fitsKvCache: options.auto_tune,
    predictedMs: options.predictedMs,
  })
}
