import { NO_NODE, type RequestTable } from '@routesim/core'

/**
 * Numbers the prompt blocks of a table: equal number means equal content, equal length and equal
 * everything before, as Mooncake's `hash_ids` do. Numbers are dense, in order of first appearance.
 */
export class BlockNumbering {
  private readonly table: RequestTable
  private readonly blockTokens: number
  /** Per node, the numbers of the blocks that end in it, by the offset of their end. */
  private readonly numbers: (Map<number, number> | undefined)[] = []
  private readonly path: number[] = []
  private count = 0

  constructor(table: RequestTable, blockTokens: number) {
    this.table = table
    this.blockTokens = blockTokens
  }

  /** Distinct blocks numbered so far. */
  get size(): number {
    return this.count
  }

  /** The leading blocks of a row's prompt that lie wholly in content the tree knows. */
  blocksOf(row: number): number[] {
    const { prompts, promptNode, promptTokens } = this.table
    const leaf = promptNode[row]!
    if (leaf === NO_NODE) return []
    const prompt = promptTokens[row]!
    const known = Math.min(prompt, prompts.endTokens[leaf]!)
    const path = this.path
    path.length = 0
    for (let node = leaf; node !== NO_NODE; node = prompts.parent[node]!) path.push(node)
    const blocks: number[] = []
    let depth = path.length - 1
    for (let start = 0; start < prompt; start += this.blockTokens) {
      const end = Math.min(start + this.blockTokens, prompt)
      if (end > known) break
      while (prompts.endTokens[path[depth]!]! < end) depth--
      blocks.push(this.number(path[depth]!, end))
    }
    return blocks
  }

  private number(node: number, end: number): number {
    let ofNode = this.numbers[node]
    if (ofNode === undefined) {
      ofNode = new Map()
      this.numbers[node] = ofNode
    }
    let number = ofNode.get(end)
    if (number === undefined) {
      number = this.count++
      ofNode.set(end, number)
    }
    return number
  }
}
