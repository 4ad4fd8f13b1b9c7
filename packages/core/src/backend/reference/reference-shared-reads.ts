import { NO_NODE } from '../../requests/prompt-tree.js'
import type { RequestTable } from '../../requests/request-table.js'

/**
 * Tokens of context that some decodes read more than once, counted node by node of the prompt tree. Nodes
 * that a prompt has only a part of count for none.
 */
export function sharedContextTokens(
  { prompts, promptNode, promptTokens }: RequestTable,
  decodes: Int32Array,
  blockTokens: number,
): number {
  const readers = new Map<number, number>()
  for (const request of decodes) {
    for (let node = promptNode[request]!; node !== NO_NODE; node = prompts.parent[node]!) {
      if (prompts.endTokens[node]! > promptTokens[request]!) continue
      readers.set(node, (readers.get(node) ?? 0) + 1)
    }
  }
  let tokens = 0
  for (const [node, count] of readers) {
    const blocks =
      Math.floor(prompts.endTokens[node]! / blockTokens) -
      Math.floor(prompts.startTokens[node]! / blockTokens)
    tokens += (count - 1) * blocks * blockTokens
  }
  return tokens
}
