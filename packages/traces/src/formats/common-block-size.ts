import { NO_NODE, type RequestTable } from '@routesim/core'

/** Smaller blocks would make more ids than lengths of single nodes do. */
const SMALLEST = 16

/**
 * The block size at which paths of equal blocks, the last one possibly partial, say all that prompts
 * share: prompts part only between blocks, and each prompt's content ends with a block or with the
 * prompt. That of the trace if it does so, else the largest; `undefined` when there is none, or only a tiny one.
 */
export function commonBlockSize(table: RequestTable): number | undefined {
  const { size, startTokens } = table.prompts
  const largest = greatestCommonDivisor(startTokens.subarray(0, size))
  return (
    ownBlockSize(table) ?? (largest >= SMALLEST && saysAll(table, largest) ? largest : undefined)
  )
}

/** The block size of the trace itself, if paths of such blocks say all that prompts share. */
export function ownBlockSize(table: RequestTable): number | undefined {
  const { blockTokens } = table.prompts
  return blockTokens !== undefined && saysAll(table, blockTokens) ? blockTokens : undefined
}

/**
 * The size of blocks that blocks of all these sizes consist of; `undefined` for no sizes, and when it is a
 * tiny one that is not among them.
 */
export function sizeDividing(sizes: readonly number[]): number | undefined {
  const size = greatestCommonDivisor(sizes)
  return size >= SMALLEST || sizes.includes(size) ? size : undefined
}

function saysAll({ prompts, promptNode, promptTokens, size }: RequestTable, by: number): boolean {
  for (let node = 0; node < prompts.size; node++) {
    if (prompts.startTokens[node]! % by !== 0) return false
  }
  for (let row = 0; row < size; row++) {
    const node = promptNode[row]!
    const end = node === NO_NODE ? 0 : prompts.endTokens[node]!
    const prompt = promptTokens[row]!
    if (end !== prompt && (end > prompt || end % by !== 0)) return false
  }
  return true
}

/** 0 for no numbers but 0. */
function greatestCommonDivisor(numbers: Iterable<number>): number {
  let divisor = 0
  for (let a of numbers) {
    while (a !== 0) [divisor, a] = [a, divisor % a]
  }
  return divisor
}
