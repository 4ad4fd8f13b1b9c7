import { RouteSimError } from '../errors/routesim-error.js'
import { NO_NODE, type PromptTree } from './prompt-tree.js'

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
  private readonly parent: number[] = []
  private readonly start: number[] = []
  private readonly end: number[] = []
  private readonly nodeOfBlock = new Map<ContentKey, number>()
  /** Nodes of one stream of content, from its beginning on. */
  private readonly streams = new Map<ContentKey, number[]>()
  private wasSplit = false

  /** Nodes interned so far. */
  get size(): number {
    return this.parent.length
  }

  /** Offset in tokens of the end of a node, 0 for {@link NO_NODE}. */
  endTokens(node: number): number {
    return node === NO_NODE ? 0 : this.end[node]!
  }

  /**
   * The node of a block of content that always has the same length, following `parent`.
   * @throws RouteSimError `prompt_invalid` when the same block came with another length before
   */
  block(parent: number, key: ContentKey, tokens: number): number {
    const id = pairKey(parent, key)
    const known = this.nodeOfBlock.get(id)
    if (known !== undefined) {
      const length = this.end[known]! - this.start[known]!
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
    let chain = this.streams.get(id)
    if (chain === undefined) {
      chain = []
      this.streams.set(id, chain)
    }
    const at = this.firstEndingAtOrAfter(chain, endTokens)
    if (at === chain.length) {
      const last = chain[at - 1] ?? parent
      chain.push(this.append(last, this.endTokens(last), endTokens))
      return chain[at]!
    }
    const node = chain[at]!
    if (this.end[node] === endTokens) return node
    const upper = this.append(this.parent[node]!, this.start[node]!, endTokens)
    this.parent[node] = upper
    this.start[node] = endTokens
    chain.splice(at, 0, upper)
    this.wasSplit = true
    return upper
  }

  /**
   * The finished tree, parents before children, and where each interned node went:
   * `renumbered[n]`, or `undefined` when all kept their number.
   */
  build(): { tree: PromptTree; renumbered: Int32Array | undefined } {
    const size = this.size
    const renumbered = this.wasSplit ? this.parentsFirst() : undefined
    const parent = new Int32Array(size)
    const startTokens = new Int32Array(size)
    const endTokens = new Int32Array(size)
    for (let node = 0; node < size; node++) {
      const to = renumbered === undefined ? node : renumbered[node]!
      const above = this.parent[node]!
      parent[to] = above === NO_NODE || renumbered === undefined ? above : renumbered[above]!
      startTokens[to] = this.start[node]!
      endTokens[to] = this.end[node]!
    }
    return { tree: { size, parent, startTokens, endTokens }, renumbered }
  }

  private append(parent: number, start: number, end: number): number {
    this.start.push(start)
    this.end.push(end)
    return this.parent.push(parent) - 1
  }

  private firstEndingAtOrAfter(chain: readonly number[], endTokens: number): number {
    let low = 0
    let high = chain.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.end[chain[middle]!]! < endTokens) low = middle + 1
      else high = middle
    }
    return low
  }

  /** New numbers in order of start: a parent always starts before its child. */
  private parentsFirst(): Int32Array {
    const order = Int32Array.from({ length: this.size }, (_, i) => i)
    order.sort((a, b) => this.start[a]! - this.start[b]! || a - b)
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
