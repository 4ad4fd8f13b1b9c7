import { NO_NODE, type RequestTable } from '@routesim/core'

/** Smaller blocks would make more ids than lengths of single nodes do. */
const SMALLEST = 16

/**
 * The block size at which paths of equal blocks, the last one possibly partial, say all that prompts
 * share: prompts part only between blocks, and each prompt's content ends with a block or with the
 * prompt. That of the trace if it does so, else the largest; `undefined` when there is none, or only a tiny one.
 */
export function commonBlockSize(table: RequestTable): number | undefined {
  const own = ownBlockSize(table)
  if (own !== undefined) return own
  const { size, startTokens } = table.prompts
  const largest = greatestCommonDivisor(startTokens.subarray(0, size))
  return largest >= SMALLEST && saysAll(table, largest) ? largest : undefined
}

/** The block size of the trace itself, if paths of such blocks say all that prompts share. */
export function ownBlockSize(table: RequestTable): number | undefined {
  const { blockTokens } = table.prompts
  return blockTokens !== undefined && saysAll(table, blockTokens) ? blockTokens : undefined
}

/**
 * The size of blocks that blocks of all these sizes consist of; `undefined` for no sizes, and for several that
 * have only a tiny one in common.
 */
export function sizeDividing(sizes: readonly number[]): number | undefined {
  const size = greatestCommonDivisor(sizes)
  const isOnly = sizes.every((each) => each === size)
  return size > 0 && (isOnly || size >= SMALLEST) ? size : undefined
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
  for (const number of numbers) {
    for (let rest = number; rest !== 0; ) {
      const next = divisor % rest
      divisor = rest
      rest = next
    }
  }
  return divisor
}
