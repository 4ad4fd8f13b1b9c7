import { NO_NODE, type PromptTree } from './prompt-tree.js'
import type { RequestTable } from './request-table.js'
import { sharedInt32 } from './shared-columns.js'

/**
 * Keeps the contents of requests with different LoRA adapters apart, as an adapter changes the KV of every
 * token: equal texts are the same content only under the same adapter. Engines hash the adapter along with
 * the tokens of a block (vLLM's `extra_keys`, SGLang's namespace of the radix tree).
 */
export function separateAdapters(table: RequestTable): RequestTable {
  const { adapter, promptNode, prompts, size } = table
  // One of them may keep the tree as it is.
  const first = adapter.includes(-1) ? -1 : (adapter[0] ?? -1)
  if (adapter.every((own) => own === first)) return table
  const tree = new GrownTree(prompts)
  const copies = new Map<number, Map<number, number>>()
  const nodes = sharedInt32(size)
  for (let row = 0; row < size; row++) {
    const own = adapter[row]!
    const node = promptNode[row]!
    if (own === first || node === NO_NODE) {
      nodes[row] = node
      continue
    }
    let known = copies.get(own)
    if (known === undefined) {
      known = new Map()
      copies.set(own, known)
    }
    nodes[row] = tree.copyPath(node, known)
  }
  return { ...table, promptNode: nodes, prompts: tree.finish() }
}

/** A prompt tree, and copies of some of its paths after it. */
class GrownTree {
  private readonly tree: PromptTree
  /** By new node: the one it is a copy of, and its parent. */
  private readonly origins: number[] = []
  private readonly parents: number[] = []

  constructor(tree: PromptTree) {
    this.tree = tree
  }

  /** The copy of a node and of all above it, but for those that `known` names already. */
  copyPath(node: number, known: Map<number, number>): number {
    const { parent, size } = this.tree
    const path: number[] = []
    let at = node
    for (; at !== NO_NODE && !known.has(at); at = parent[at]!) path.push(at)
    let above = at === NO_NODE ? NO_NODE : known.get(at)!
    for (let i = path.length - 1; i >= 0; i--) {
      this.parents.push(above)
      above = size + this.origins.push(path[i]!) - 1
      known.set(path[i]!, above)
    }
    return above
  }

  finish(): PromptTree {
    const { tree, origins, parents } = this
    const size = tree.size + origins.length
    const column = (name: 'parent' | 'startTokens' | 'endTokens'): Int32Array => {
      const out = sharedInt32(size)
      out.set(tree[name].subarray(0, tree.size))
      for (const [i, origin] of origins.entries()) out[tree.size + i] = tree[name][origin]!
      return out
    }
    const parent = column('parent')
    parent.set(parents, tree.size)
    return {
      ...tree,
      size,
      parent,
      startTokens: column('startTokens'),
      endTokens: column('endTokens'),
    }
  }
}
