import { NO_NODE, type RequestTable } from '@routesim/core'

/**
 * What a router believes each backend holds from what it has sent there: blocks of prompts, least
 * recently used first out, without knowing what engines evict. Blocks are counted per node of the prompt
 * tree, so a node is known whole or not at all.
 */
export class SentPrefixIndex {
  private readonly requests: RequestTable
  private readonly blockTokens: number
  private readonly capacityBlocks: number
  private readonly maxTokens: number
  private readonly nodesOf: Map<number, number>[]
  private readonly usedBlocks: Float64Array

  constructor(
    requests: RequestTable,
    backends: number,
    limits: {
      readonly blockTokens: number
      /** Blocks remembered per backend. */
      readonly capacityBlocks: number
      /** Leading tokens of a prompt that are looked at. */
      readonly maxTokens: number
    },
  ) {
    this.requests = requests
    this.blockTokens = limits.blockTokens
    this.capacityBlocks = limits.capacityBlocks
    this.maxTokens = limits.maxTokens
    this.nodesOf = Array.from({ length: backends }, () => new Map())
    this.usedBlocks = new Float64Array(backends)
  }

  /** Share of a request's blocks that a backend has been sent before, 0 to 1. */
  matched(request: number, backend: number): number {
    const nodes = this.nodesOf[backend]!
    let matched = 0
    for (const { node, blocks } of this.path(request)) {
      if (!nodes.has(node)) break
      matched += blocks
    }
    return matched / this.blocksOf(request)
  }

  /** Remembers that a request goes to a backend. */
  add(request: number, backend: number): void {
    const nodes = this.nodesOf[backend]!
    for (const { node, blocks } of this.path(request)) {
      if (nodes.delete(node)) this.usedBlocks[backend]! -= blocks
      nodes.set(node, blocks)
      this.usedBlocks[backend]! += blocks
    }
    for (const [node, blocks] of nodes) {
      if (this.usedBlocks[backend]! <= this.capacityBlocks) break
      nodes.delete(node)
      this.usedBlocks[backend]! -= blocks
    }
  }

  private blocksOf(request: number): number {
    const tokens = Math.min(this.requests.promptTokens[request]!, this.maxTokens)
    return Math.max(1, Math.floor(tokens / this.blockTokens))
  }

  /** Nodes of a prompt from its beginning, and the blocks that end in each. */
  private path(request: number): { readonly node: number; readonly blocks: number }[] {
    const { parent, startTokens, endTokens } = this.requests.prompts
    const path: { node: number; blocks: number }[] = []
    for (let node = this.requests.promptNode[request]!; node !== NO_NODE; node = parent[node]!) {
      const end = Math.min(endTokens[node]!, this.maxTokens)
      if (startTokens[node]! >= end) continue
      const blocks =
        Math.floor(end / this.blockTokens) - Math.floor(startTokens[node]! / this.blockTokens)
      path.push({ node, blocks })
    }
    return path.reverse()
  }
}
