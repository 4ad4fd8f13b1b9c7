/**
 * Hears of blocks that prompts can share. Tokens `fromTokens` to `toTokens`, whole blocks, lie on the path
 * of the prompt tree that leads to `node`. Blocks that no other prompt could ask for are left out.
 */
export interface KvListener {
  /** Blocks were computed that were not there before. */
  stored(backend: number, node: number, fromTokens: number, toTokens: number): void
  /** Blocks were given up. */
  removed(backend: number, node: number, fromTokens: number, toTokens: number): void
  /** The cache of a backend is empty, as after a restart. */
  cleared(backend: number): void
}
