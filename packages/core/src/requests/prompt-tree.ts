/** No node: a prompt that shares nothing with any other. */
export const NO_NODE = -1

/**
 * What the prompts of a trace share, as a radix tree over their contents. A node is a run of
 * tokens; a node and an offset in it identify those tokens *and everything before them*. A request
 * names the deepest node of its content; tokens of its prompt beyond that node's end are its own.
 *
 * Columns are indexed by node. Parents come before their children, so `parent[n] < n`.
 */
export interface PromptTree {
  /** Number of nodes. */
  readonly size: number
  /** Parent node, {@link NO_NODE} for a root. */
  readonly parent: Int32Array
  /** Offset in tokens, from the start of the prompt, of the node's first token: its parent's end. */
  readonly startTokens: Int32Array
  /** Offset in tokens of the end of the node (exclusive); greater than its start. */
  readonly endTokens: Int32Array
  /**
   * Tokens per block in which the trace hashed these contents; of several sizes, the largest that divides
   * them all. Absent when it hashed none, when only a tiny one does, and when it gave each block a length.
   */
  readonly blockTokens?: number
}
