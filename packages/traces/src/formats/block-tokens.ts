import type { RequestTable } from '@routesim/core'
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
 * The block size to look at the prompts of a table with: what was asked for, else that in which the trace
 * hashed them, else 512.
 * @throws RouteSimError `trace_option_invalid` when what was asked for is not a positive integer
 */
export function blockTokensFor({ prompts }: RequestTable, asked: number | undefined): number {
  return checkBlockTokens(asked ?? prompts.blockTokens)
}

/**
 * The block size to write a table with in a format: what was asked for, else the format's where the
 * trace's blocks consist of such, else that of the trace, which lines say then.
 * @throws RouteSimError `trace_option_invalid` when what was asked for is not a positive integer
 */
export function writtenBlockTokens(
  { prompts }: RequestTable,
  format: TraceFormat,
  asked: number | undefined,
): number {
  const usual = blockTokensOf(format)
  const own = prompts.blockTokens ?? usual
  return checkBlockTokens(asked ?? (own % usual === 0 ? usual : own))
}

/** What lines of a format say of their block size: nothing where it is what everybody expects. */
export function statedBlockTokens(format: TraceFormat, blockTokens: number): number | undefined {
  return blockTokens === blockTokensOf(format) ? undefined : blockTokens
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
