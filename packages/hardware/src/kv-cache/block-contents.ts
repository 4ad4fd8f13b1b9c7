import type { RequestTable } from '@routesim/core'

/**
 * Names the content of KV blocks of one size: equal ids mean equal content and equal everything
 * before it. Block j of a request covers its tokens j·b to (j+1)·b, prompt and output alike. A block
 * that ends within the request's path in the prompt tree is named after the node in which it ends;
 * any later block is the request's own.
 */
export class BlockContents {
  readonly blockTokens: number
  private readonly requests: RequestTable
  /** Per node: what to add to a block's number to get its id. */
  private readonly nodeBase: Int32Array
  /** Per request: the same for its own blocks, whose ids are negative. */
  private readonly ownBase: Int32Array

  constructor(requests: RequestTable, blockTokens: number) {
    this.requests = requests
    this.blockTokens = blockTokens
    const { size, startTokens, endTokens } = requests.prompts
    this.nodeBase = new Int32Array(size)
    let next = 0
    for (let node = 0; node < size; node++) {
      const first = Math.floor(startTokens[node]! / blockTokens)
      this.nodeBase[node] = next - first
      next += Math.floor(endTokens[node]! / blockTokens) - first
    }
    this.ownBase = new Int32Array(requests.size)
    next = -1
    for (let i = 0; i < requests.size; i++) {
      this.ownBase[i] = next
      next -= Math.ceil((requests.promptTokens[i]! + requests.outputTokens[i]!) / blockTokens)
    }
  }

  /** The node in which a block of some content ends, -1 when the content is a request's own. O(log nodes) */
  nodeOf(id: number): number {
    if (id < 0) return -1
    const { startTokens } = this.requests.prompts
    let low = 0
    let high = this.nodeBase.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      const first = this.nodeBase[middle]! + Math.floor(startTokens[middle]! / this.blockTokens)
      if (first <= id) low = middle
      else high = middle
    }
    return low
  }

  /** The number of a block, counted from the start of the prompt, that ends in a node. */
  blockOf(node: number, id: number): number {
    return id - this.nodeBase[node]!
  }

  /** Writes the ids of blocks `from` to `to - 1` of a request to `out[0]`, `out[1]`, ... */
  write(request: number, from: number, to: number, out: Int32Array): void {
    const { parent, startTokens, endTokens } = this.requests.prompts
    const ownBase = this.ownBase[request]!
    let node = this.requests.promptNode[request]!
    let block = to - 1
    const pathEnd = node < 0 ? 0 : endTokens[node]!
    for (; block >= from && (block + 1) * this.blockTokens > pathEnd; block--) {
      out[block - from] = ownBase - block
    }
    for (; block >= from; block--) {
      const end = (block + 1) * this.blockTokens
      while (startTokens[node]! >= end) node = parent[node]!
      out[block - from] = this.nodeBase[node]! + block
    }
  }
}
