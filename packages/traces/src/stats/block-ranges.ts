import { NO_NODE, type RequestTable } from '@routesim/core'

/**
 * The prompt blocks of requests as ranges of numbers: equal number means equal content and equal
 * everything before it. A range lies in one node of the prompt tree, so that a long prompt costs its
 * nodes and not its blocks. Numbers are dense; blocks of content that nobody knows have none.
 */
export class BlockRanges {
  /** Blocks that have numbers: those of all contents, asked for or not. */
  readonly size: number
  /** Of the request last looked at: first block of each range, and the block after its last. */
  readonly from: number[] = []
  readonly to: number[] = []
  private readonly table: RequestTable
  readonly blockTokens: number
  /** Per node, the number of the first block that ends in it. */
  private readonly base: Float64Array
  /** Numbers of blocks that are partial, by where they end: node, and offset. */
  private readonly partial = new Map<number, number>()
  private readonly path: number[] = []

  constructor(table: RequestTable, blockTokens: number) {
    this.table = table
    this.blockTokens = blockTokens
    const { size, startTokens, endTokens } = table.prompts
    this.base = new Float64Array(size)
    let count = 0
    for (let node = 0; node < size; node++) {
      this.base[node] = count
      count +=
        Math.floor(endTokens[node]! / blockTokens) - Math.floor(startTokens[node]! / blockTokens)
    }
    for (let row = 0; row < table.size; row++) {
      const prompt = table.promptTokens[row]!
      const node = table.promptNode[row]!
      if (prompt % blockTokens === 0 || node === NO_NODE || endTokens[node]! < prompt) continue
      const key = this.endKey(node, prompt)
      if (!this.partial.has(key)) this.partial.set(key, count++)
    }
    this.size = count
  }

  /**
   * Looks at the blocks of a prompt, into {@link from} and {@link to}, the last range possibly a partial
   * block.
   * @returns blocks of the prompt without a number
   */
  lookAt(row: number): number {
    const { blockTokens, from, to, path } = this
    const { prompts, promptNode, promptTokens } = this.table
    from.length = 0
    to.length = 0
    const prompt = promptTokens[row]!
    const total = Math.ceil(prompt / blockTokens)
    const leaf = promptNode[row]!
    if (leaf === NO_NODE) return total
    path.length = 0
    for (let node = leaf; node !== NO_NODE; node = prompts.parent[node]!) path.push(node)
    let found = 0
    for (let i = path.length - 1; i >= 0; i--) {
      const node = path[i]!
      const before = Math.floor(prompts.startTokens[node]! / blockTokens)
      const until = Math.floor(Math.min(prompts.endTokens[node]!, prompt) / blockTokens)
      if (until <= before) continue
      from.push(this.base[node]!)
      to.push(this.base[node]! + until - before)
      found += until - before
    }
    if (prompt % blockTokens > 0 && prompts.endTokens[leaf]! >= prompt) {
      const number = this.partial.get(this.endKey(leaf, prompt))!
      from.push(number)
      to.push(number + 1)
      found++
    }
    return total - found
  }

  /** Where a prompt ends: the node that holds its last token, and how deep it is. */
  private endKey(leaf: number, prompt: number): number {
    const { parent, startTokens } = this.table.prompts
    let node = leaf
    while (startTokens[node]! >= prompt) node = parent[node]!
    return node * 2 ** 22 + ((prompt - startTokens[node]!) % 2 ** 22)
  }
}
