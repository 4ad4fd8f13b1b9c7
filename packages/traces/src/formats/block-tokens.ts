import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'

/** Tokens per hashed block in the published Mooncake traces. */
const DEFAULT_BLOCK_TOKENS = 512

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
