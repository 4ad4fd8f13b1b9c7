import { Int32List, NO_NODE, type PromptTree, sharedInt32 } from '@routesim/core'
import { bitCount, RankedBits } from './ranked-bits.js'

/**
 * The tree of prompts that are paths of blocks of one size, kept compressed while it grows. Blocks
 * are numbered in order of first appearance, so that the blocks a path adds are consecutive: of each
 * block only three bits are kept, whether a node ends with it, whether it does not follow the block
 * numbered before it, and whether it is shorter than the others.
 */
export class BlockRuns {
  readonly blockTokens: number
  private count = 0
  /** Blocks with which a node of the finished tree ends. */
  private cuts = new Int32Array(256)
  /** Blocks that do not follow the block numbered before them, and what they follow instead. */
  private readonly branches = new RankedBits()
  private readonly branchParents = new Int32List()
  /** Last blocks that are not full, and the lengths of the prompts that end with them. */
  private readonly partials = new RankedBits()
  private readonly partialEnds = new Int32List()

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens
  }

  /** Blocks so far; the number of the next new one. */
  get size(): number {
    return this.count
  }

  /** The block before a block, -1 for none. */
  parentOf(block: number): number {
    if (!this.branches.has(block)) return block - 1
    return this.branchParents.values[this.branches.rank(block)]!
  }

  /** The first block behind `block` that does not follow the one before it; `limit` if it is less. */
  endOfRun(block: number, limit: number): number {
    return this.branches.next(block + 1, limit)
  }

  /** Tokens of a block whose path is `depth` blocks long, itself included. */
  tokensOf(block: number, depth: number): number {
    if (!this.partials.has(block)) return this.blockTokens
    const end = this.partialEnds.values[this.partials.rank(block)]!
    return end - (depth - 1) * this.blockTokens
  }

  /**
   * Adds a path that ends with `added` new blocks below the known block `last`; without new ones it
   * ends at `last`. A new last block may be partial: the path is `endTokens` long.
   * @returns the path's last block
   */
  add(last: number, added: number, endTokens: number, isPartial: boolean): number {
    if (added > 0) {
      if (last !== this.count - 1) {
        this.branches.push(this.count)
        this.branchParents.push(last)
        if (last !== NO_NODE) this.cut(last)
      }
      this.count += added
      last = this.count - 1
      if (isPartial) {
        this.partials.push(last)
        this.partialEnds.push(endTokens)
      }
    }
    this.cut(last)
    return last
  }

  /** The finished tree, and the node that ends with each block that ends a path. */
  finish(): { tree: PromptTree; nodeOf: (block: number) => number } {
    const words = (this.count + 31) >>> 5
    const { cuts } = this
    const before = new Int32Array(words + 1)
    for (let word = 0; word < words; word++) {
      before[word + 1] = before[word]! + (word < cuts.length ? bitCount(cuts[word]!) : 0)
    }
    const nodeOf = (block: number): number =>
      before[block >>> 5]! + bitCount(cuts[block >>> 5]! & ((1 << (block & 31)) - 1))
    return { tree: this.tree(before[words]!, nodeOf), nodeOf }
  }

  private tree(size: number, nodeOf: (block: number) => number): PromptTree {
    const { blockTokens, branches, branchParents, partials, partialEnds, cuts } = this
    const parent = sharedInt32(size)
    const startTokens = sharedInt32(size)
    const endTokens = sharedInt32(size)
    let first = 0
    let partial = 0
    let branch = 0
    for (let node = 0, word = -1, rest = 0; node < size; node++) {
      while (rest === 0) rest = cuts[++word]!
      const last = (word << 5) + 31 - Math.clz32(rest & -rest)
      rest &= rest - 1
      let above = node - 1
      if (branches.has(first)) {
        const block = branchParents.values[branch++]!
        above = block === NO_NODE ? NO_NODE : nodeOf(block)
      }
      const start = above === NO_NODE ? 0 : endTokens[above]!
      parent[node] = above
      startTokens[node] = start
      endTokens[node] = partials.has(last)
        ? partialEnds.values[partial++]!
        : start + (last - first + 1) * blockTokens
      first = last + 1
    }
    return { size, parent, startTokens, endTokens, blockTokens }
  }

  private cut(block: number): void {
    const word = block >>> 5
    if (word >= this.cuts.length) {
      let capacity = this.cuts.length
      while (capacity <= word) capacity *= 2
      const cuts = new Int32Array(capacity)
      cuts.set(this.cuts)
      this.cuts = cuts
    }
    this.cuts[word]! |= 1 << (block & 31)
  }
}
