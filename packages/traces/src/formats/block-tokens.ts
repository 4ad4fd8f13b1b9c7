import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { TEXT_BLOCK_TOKENS } from './text-tokens.js'
import type { TraceFormat } from './trace-format.js'

/** Tokens per hashed block in the published Mooncake traces. */
const DEFAULT_BLOCK_TOKENS = 512

/** Formats that have other blocks. */
const OWN_BLOCK_TOKENS: { readonly [Format in TraceFormat]?: number } = {
  // In the traces that are published.
  bailian: 16,
  // Cut by the reader, out of token ids and texts.
  llmservingsim: TEXT_BLOCK_TOKENS,
  aiperf_inputs: TEXT_BLOCK_TOKENS,
}

/**
 * Tokens per block of a format whose files do not say it: 16 in Bailian's and where prompts are given as they
 * are, else 512 as in Mooncake's.
 *
 * @example
 * blockTokensOf('bailian') // => 16
 */
export function blockTokensOf(format: TraceFormat): number {
  return OWN_BLOCK_TOKENS[format] ?? DEFAULT_BLOCK_TOKENS
}

/**
 * The block size, or the default.
 * @throws RouteSimError `trace_option_invalid` when it is not a positive integer
 */
export function checkBlockTokens(blockTokens: number = DEFAULT_BLOCK_TOKENS): number {
  if (Number.isInteger(blockTokens) && blockTokens >= 1 && blockTokens <= 0x7fffffff) {
    return blockTokens
  }
  throw traceError(
    'trace_option_invalid',
    `blockTokens: expected an integer >= 1, got ${describeValue(blockTokens)}`,
    { path: 'blockTokens' },
  )
}
