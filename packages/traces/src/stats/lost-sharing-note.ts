import { NO_NODE, type RequestTable } from '@routesim/core'
import { blockTokensFor } from '../formats/block-tokens.js'
import { promptSharing } from './prompt-sharing.js'

/** Blocks of any size leave out some of what prompts share: it seldom ends where a block does. */
const LITTLE = 0.1

/**
 * A note on blocks that are too large for what prompts share; `undefined` when they leave out a tenth of it at
 * most.
 *
 * @param blockTokens - size of the blocks; default that of the trace, 512 where it has none
 * @throws RouteSimError `trace_option_invalid` when `blockTokens` is not a positive integer
 *
 * @example
 * const table = generateTrace({ rate: 5, durationSec: 60, numPrefixes: 1, prefixLenMean: 100, prefixLenStd: 0 })
 * lostSharingNote(table, 512)
 * // => 'blocks of 512 tokens leave out 100% of what prompts share; smaller ones leave out less'
 */
export function lostSharingNote(table: RequestTable, blockTokens?: number): string | undefined {
  const size = blockTokensFor(table, blockTokens)
  const { sharedTokens } = promptSharing(table)
  const ended = new Map<number, Set<number>>()
  let shared = 0
  let lost = 0
  for (let row = 0; row < table.size; row++) {
    const prompt = table.promptTokens[row]!
    const tokens = Math.min(sharedTokens[row]!, prompt)
    shared += tokens
    const lengths = setOf(ended, lastNode(table, row))
    // The last block of a prompt may be a partial one, which only a prompt that ends there has too.
    if (!(tokens === prompt && lengths.has(prompt))) lost += tokens % size
    lengths.add(prompt)
  }
  if (lost <= LITTLE * shared) return undefined
  const percent = Math.round((100 * lost) / shared)
  const own = table.prompts.blockTokens
  const better =
    own === undefined || own === size
      ? 'smaller ones leave out less'
      : `those of the trace have ${own}`
  return `blocks of ${size} tokens leave out ${percent}% of what prompts share; ${better}`
}

/** The node in which the prompt of a row ends; answers may lie in others behind it. */
function lastNode({ prompts, promptNode, promptTokens }: RequestTable, row: number): number {
  let node = promptNode[row]!
  while (node !== NO_NODE && prompts.parent[node] !== NO_NODE) {
    const parent = prompts.parent[node]!
    if (prompts.endTokens[parent]! < promptTokens[row]!) break
    node = parent
  }
  return node
}

function setOf(sets: Map<number, Set<number>>, key: number): Set<number> {
  const set = sets.get(key) ?? new Set()
  sets.set(key, set)
  return set
}
