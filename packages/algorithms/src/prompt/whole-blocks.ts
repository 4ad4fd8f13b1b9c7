/** Tokens of the whole blocks before an offset. */
export function wholeBlocks(endTokens: number, blockTokens: number): number {
  return endTokens - (endTokens % blockTokens)
}
