import { NO_NODE, type RequestTable } from '@routesim/core'

/**
 * The prompt tree of a workload counted in KV blocks of one size, and compressed: a node is a run of
 * blocks that every request of the workload either passes completely or does not touch. Parents come
 * before their children.
 */
export class BlockTree {
  readonly blockTokens: number
  readonly size: number
  /** Nodes on the longest path. */
  readonly depth: number
  /** Parent node, -1 for none. */
  readonly parent: Int32Array
  /** Number of blocks before the node. */
  readonly start: Int32Array
  /** Number of blocks up to its end. */
  readonly end: Int32Array
  /** What to add to the number of a block of each node to get a name that no other block has. */
  readonly nameBase: Int32Array
  /** The node of the prompt tree at whose end each node ends. */
  readonly promptNodeOf: Int32Array
  /** Per request: the deepest node of its path, -1 when it shares no whole block. */
  readonly leaf: Int32Array
  private readonly promptNode: Int32Array
  /** Per node of the prompt tree, the nearest node at or above it. */
  private readonly nodeAt: Int32Array

  constructor(requests: RequestTable, blockTokens: number) {
    this.blockTokens = blockTokens
    const { prompts, promptNode } = requests
    const isKept = keptNodes(requests, blockTokens)
    const numberOf = new Int32Array(prompts.size).fill(NO_NODE)
    let size = 0
    for (let node = 0; node < prompts.size; node++) if (isKept[node] === 1) numberOf[node] = size++
    this.size = size
    this.parent = new Int32Array(size)
    this.start = new Int32Array(size)
    this.end = new Int32Array(size)
    this.nameBase = new Int32Array(size)
    this.promptNodeOf = new Int32Array(size)
    let names = 0
    // The nearest kept node at or above each node; parents come first, so one pass is enough.
    const above = new Int32Array(prompts.size)
    for (let node = 0; node < prompts.size; node++) {
      const parent = prompts.parent[node]!
      const parentKept = parent === NO_NODE ? NO_NODE : above[parent]!
      const to = numberOf[node]!
      above[node] = to === NO_NODE ? parentKept : to
      if (to === NO_NODE) continue
      this.parent[to] = parentKept
      this.start[to] = parentKept === NO_NODE ? 0 : this.end[parentKept]!
      this.promptNodeOf[to] = node
      this.end[to] = Math.floor(prompts.endTokens[node]! / blockTokens)
      this.nameBase[to] = names - this.start[to]!
      names += this.end[to]! - this.start[to]!
    }
    this.depth = longestPath(this.parent)
    this.promptNode = promptNode
    this.nodeAt = above
    this.leaf = new Int32Array(requests.size)
    for (let i = 0; i < requests.size; i++) this.place(i)
  }

  /** Finds the deepest node of a request anew: its row may have another one. */
  place(request: number): void {
    const node = this.promptNode[request]!
    this.leaf[request] = node === NO_NODE ? NO_NODE : this.nodeAt[node]!
  }
}

/**
 * Nodes at whose end paths part or a request ends. One in which no whole block ends passes this on to
 * its parent.
 */
function keptNodes(
  { prompts, promptNode, size, isWindow }: RequestTable,
  blockTokens: number,
): Uint8Array {
  const { parent, startTokens, endTokens } = prompts
  const children = new Uint8Array(prompts.size)
  const isKept = new Uint8Array(prompts.size)
  // Where the requests of a window will end is not known yet.
  if (isWindow === true) isKept.fill(1)
  else for (let i = 0; i < size; i++) if (promptNode[i]! >= 0) isKept[promptNode[i]!] = 1
  for (let node = 0; node < prompts.size; node++) {
    const above = parent[node]!
    if (above !== NO_NODE && children[above]! < 2) children[above]!++
  }
  for (let node = prompts.size - 1; node >= 0; node--) {
    if (children[node] !== 1) isKept[node] = 1
    const blocks =
      Math.floor(endTokens[node]! / blockTokens) - Math.floor(startTokens[node]! / blockTokens)
    if (isKept[node] === 0 || blocks > 0) continue
    isKept[node] = 0
    if (parent[node] !== NO_NODE) isKept[parent[node]!] = 1
  }
  return isKept
}

function longestPath(parent: Int32Array): number {
  const depth = new Int32Array(parent.length)
  let longest = 0
  for (let node = 0; node < parent.length; node++) {
    depth[node] = parent[node] === NO_NODE ? 1 : depth[parent[node]!]! + 1
    if (depth[node]! > longest) longest = depth[node]!
  }
  return longest
}
