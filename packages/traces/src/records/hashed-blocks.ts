import { NO_NODE, type PromptTreeBuilder } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import type { HashedBlocks, TraceRecord } from './trace-record.js'

/**
 * Places a prompt that comes as hashed blocks in the tree. Ids are interned below their
 * predecessor, so equal content means equal ids all the way from the start of the prompt.
 * @throws RouteSimError `trace_invalid` when the blocks do not fit the request
 */
export function placeHashedBlocks(
  prompts: PromptTreeBuilder,
  record: TraceRecord,
  blocks: HashedBlocks,
): void {
  const { ids, tokens } = blocks
  const { promptTokens, outputTokens } = record
  if (typeof tokens === 'number') {
    const expected = Math.ceil(promptTokens / tokens)
    if (ids.length > expected) {
      throw traceError(
        'trace_invalid',
        `hash_ids: expected at most ${expected} blocks of ${tokens} tokens for ${promptTokens} prompt tokens, got ${ids.length}`,
        { hint: 'Give the block size that the trace was hashed with (blockTokens).' },
      )
    }
  } else checkTokensOfEach(ids, tokens, promptTokens + outputTokens)
  let node = NO_NODE
  for (let i = 0; i < ids.length; i++) {
    const length =
      typeof tokens === 'number' ? Math.min(tokens, promptTokens - i * tokens) : tokens[i]!
    node = prompts.block(node, ids[i]!, length)
  }
  record.promptNode = node
  record.prefixTokens = Math.min(record.prefixTokens ?? prompts.endTokens(node), promptTokens)
}

function checkTokensOfEach(
  ids: HashedBlocks['ids'],
  tokens: readonly number[],
  limit: number,
): void {
  if (tokens.length !== ids.length) {
    throw traceError(
      'trace_invalid',
      `block_size: expected ${ids.length} lengths, one per id, got ${tokens.length}`,
    )
  }
  const total = tokens.reduce((sum, length) => sum + length, 0)
  if (total <= limit) return
  throw traceError(
    'trace_invalid',
    `block_size: expected at most ${limit} tokens (prompt and answer), got ${total}`,
  )
}
