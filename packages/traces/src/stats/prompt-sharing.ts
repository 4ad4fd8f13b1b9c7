import { NO_NODE, type RequestTable } from '@routesim/core'

/**
 * What the requests of a table share, whatever the shape of the tree that says so: two tables with
 * the same rows share the same if and only if these columns are equal. One row per request.
 */
export interface PromptSharing {
  /** The earliest row that holds the last shared token, -1 when nothing is shared. */
  readonly sharedWith: Int32Array
  /** Leading tokens that some earlier row holds too (in its prompt, or its answer). */
  readonly sharedTokens: Int32Array
  /** Leading tokens of prompt and answer whose content is known at all. */
  readonly contentTokens: Int32Array
}

/** For each request, how much of its content earlier requests hold. */
export function promptSharing(table: RequestTable): PromptSharing {
  const { size, prompts, promptNode } = table
  const sharedWith = new Int32Array(size).fill(-1)
  const sharedTokens = new Int32Array(size)
  const contentTokens = new Int32Array(size)
  const firstHolder = new Int32Array(prompts.size).fill(-1)
  for (let row = 0; row < size; row++) {
    let node = promptNode[row]!
    if (node !== NO_NODE) contentTokens[row] = prompts.endTokens[node]!
    while (node !== NO_NODE && firstHolder[node] === -1) {
      firstHolder[node] = row
      node = prompts.parent[node]!
    }
    if (node === NO_NODE) continue
    sharedWith[row] = firstHolder[node]!
    sharedTokens[row] = prompts.endTokens[node]!
  }
  return { sharedWith, sharedTokens, contentTokens }
}
