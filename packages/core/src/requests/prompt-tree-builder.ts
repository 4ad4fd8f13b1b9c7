import { RouteSimError } from '../errors/routesim-error.js'
import { Int32List } from './int32-list.js'
import { NO_NODE, type PromptTree } from './prompt-tree.js'
import { sharedInt32 } from './shared-columns.js'

/** Names the content of a node among its siblings: a block id, a prefix hash, a session. */
export type ContentKey = number | string

/**
 * Interns prompt contents into a {@link PromptTree} while a trace is read.
 *
 * @example
 * const prompts = new PromptTreeBuilder()
 * const first = prompts.block(NO_NODE, 17, 512) // hashed block 17, 512 tokens
 * const second = prompts.block(first, 18, 512) // and 18 after it
 */
export class PromptTreeBuilder {
  private readonly parent = new Int32List()
  private readonly start = new Int32List()
  private readonly end = new Int32List()
  private readonly nodeOfBlock = new Map<ContentKey, number>()
  /** Nodes of one stream of content, from its beginning on; most streams have but one. */
  private readonly streams = new Map<ContentKey, number | number[]>()
  private wasSplit = false

  /** Nodes interned so far. */
  get size(): number {
    return this.parent.length
  }

  /** Offset in tokens of the end of a node, 0 for {@link NO_NODE}. */
  endTokens(node: number): number {
    return node === NO_NODE ? 0 : this.end.values[node]!
  }

  /**
   * The node of a block of content that always has the same length, following `parent`.
   * @throws RouteSimError `prompt_invalid` when the same block came with another length before
   */
  block(parent: number, key: ContentKey, tokens: number): number {
    const id = pairKey(parent, key)
    const known = this.nodeOfBlock.get(id)
    if (known !== undefined) {
      const length = this.end.values[known]! - this.start.values[known]!
      if (length === tokens) return known
      throw new RouteSimError(
        `block ${key}: expected ${length} tokens as before, got ${tokens} (equal ids mean equal content)`,
        { code: 'prompt_invalid' },
      )
    }
    const node = this.append(parent, this.endTokens(parent), this.endTokens(parent) + tokens)
    this.nodeOfBlock.set(id, node)
    return node
  }

  /**
   * The node that ends `endTokens` into the prompt, in a stream of content that follows `parent`
   * and of which different requests hold different lengths. A known node is split if need be; it
   * keeps its end.
   */
  stream(parent: number, key: ContentKey, endTokens: number): number {
    if (endTokens <= this.endTokens(parent)) return parent
    const id = pairKey(parent, key)
    const known = this.streams.get(id)
    if (known === undefined) {
      const node = this.append(parent, this.endTokens(parent), endTokens)
      this.streams.set(id, node)
      return node
    }
    if (typeof known !== 'number') return this.inChain(known, endTokens)
    if (this.end.values[known] === endTokens) return known
    const chain = [known]
    this.streams.set(id, chain)
    return this.inChain(chain, endTokens)
  }

  /**
   * The finished tree, parents before children, and where each interned node went:
   * `renumbered[n]`, or `undefined` when all kept their number.
   */
  build(): { tree: PromptTree; renumbered: Int32Array | undefined } {
    const size = this.size
    const renumbered = this.wasSplit ? this.parentsFirst() : undefined
    const parent = sharedInt32(size)
    const startTokens = sharedInt32(size)
    const endTokens = sharedInt32(size)
    for (let node = 0; node < size; node++) {
      const to = renumbered === undefined ? node : renumbered[node]!
      const above = this.parent.values[node]!
      parent[to] = above === NO_NODE || renumbered === undefined ? above : renumbered[above]!
      startTokens[to] = this.start.values[node]!
      endTokens[to] = this.end.values[node]!
    }
    return { tree: { size, parent, startTokens, endTokens }, renumbered }
  }

  private append(parent: number, start: number, end: number): number {
    this.start.push(start)
    this.end.push(end)
    this.parent.push(parent)
    return this.parent.length - 1
  }

  /** The node of a chain that ends at `endTokens`, which may be cut off or added for it. */
  private inChain(chain: number[], endTokens: number): number {
    const { parent, start, end } = this
    const at = this.firstEndingAtOrAfter(chain, endTokens)
    if (at === chain.length) {
      const last = chain[at - 1]!
      chain.push(this.append(last, end.values[last]!, endTokens))
      return chain[at]!
    }
    const node = chain[at]!
    if (end.values[node] === endTokens) return node
    const upper = this.append(parent.values[node]!, start.values[node]!, endTokens)
    parent.values[node] = upper
    start.values[node] = endTokens
    chain.splice(at, 0, upper)
    this.wasSplit = true
    return upper
  }

  private firstEndingAtOrAfter(chain: readonly number[], endTokens: number): number {
    let low = 0
    let high = chain.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.end.values[chain[middle]!]! < endTokens) low = middle + 1
      else high = middle
    }
    return low
  }

  /** New numbers in order of start: a parent always starts before its child. */
  private parentsFirst(): Int32Array {
    const order = Int32Array.from({ length: this.size }, (_, i) => i)
    const start = this.start.values
    order.sort((a, b) => start[a]! - start[b]! || a - b)
    const renumbered = new Int32Array(this.size)
    for (let to = 0; to < order.length; to++) renumbered[order[to]!] = to
    return renumbered
  }
}

/** One map key for a (parent, key) pair; a plain number for the usual small ones, which is faster. */
function pairKey(parent: number, key: ContentKey): ContentKey {
  const above = parent + 1
  if (typeof key === 'number' && key >= 0 && key < 0x4000000 && above < 0x4000000) {
    return above * 0x4000000 + key
  }
  return `${above}:${key}`
}
