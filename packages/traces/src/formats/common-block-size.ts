import { NO_NODE, type RequestTable } from '@routesim/core'

/** Smaller blocks would make more ids than lengths of single nodes do. */
const SMALLEST = 16

/**
 * The block size at which paths of equal blocks, the last one possibly partial, say all that prompts
 * share: prompts part only between blocks, and each prompt's content ends with a block or with the
 * prompt. `undefined` when there is none, or only a tiny one.
 */
export function commonBlockSize(table: RequestTable): number | undefined {
  const { prompts, promptNode, promptTokens } = table
  let size = 0
  for (let node = 0; node < prompts.size; node++) {
    size = greatestCommonDivisor(prompts.startTokens[node]!, size)
  }
  if (size < SMALLEST) return undefined
  for (let row = 0; row < table.size; row++) {
    const node = promptNode[row]!
    const end = node === NO_NODE ? 0 : prompts.endTokens[node]!
    const prompt = promptTokens[row]!
    if (end !== prompt && (end > prompt || end % size !== 0)) return undefined
  }
  return size
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
