import { grown } from '../pickers/column.js'
import { PromptPath } from '../prompt/prompt-path.js'

const NONE = -1

/**
 * Prompts as a radix tree: a node is a stretch of content that all prompts so far go through as a whole, and it is cut
 * in two when one leaves it or ends in it. A prompt's last node has what is its own, too. So nodes are the same whatever
 * runs a {@link PromptPath} is cut into: those of a simulation are cut where prompts to come will leave them, those of a
 * live router at every block.
 *
 * All operations are O(runs of the prompt). No allocation once grown.
 */
export class PromptNodes {
  /** Nodes of the prompt that was looked for last, from its start on. */
  nodes: Int32Array = new Int32Array(64)
  /** How many these are. */
  length = 0
  /** Leading tokens of that prompt which lie in them. */
  tokens = 0
  // By node. Of one that is not in use, the parent is the next such one.
  private parents = new Int32Array(0)
  private ends = new Int32Array(0)
  private children = new Int32Array(0)
  private serials = new Float64Array(0)
  // By run. It lies in the node as long as that has the same serial.
  private nodeByRun = new Int32Array(0)
  private serialByRun = new Float64Array(0)
  private unused = NONE
  private count = 0
  private serial = 0
  // Of the prompt that was looked for last: where its last node begins, and what is in none.
  private path = new PromptPath()
  private firstRun = 0
  private nextRun = 0

  /** Memory that it takes, in bytes. */
  get bytes(): number {
    const perNode = 3 * this.parents.byteLength + this.serials.byteLength
    return perNode + this.nodeByRun.byteLength + this.serialByRun.byteLength
  }

  /** Offset of the end of a node, in tokens from the start of the prompt. */
  endOf(node: number): number {
    return this.ends[node]!
  }

  /** Offset of the start of a node. */
  startOf(node: number): number {
    const parent = this.parents[node]!
    return parent === NONE ? 0 : this.ends[parent]!
  }

  /** Tokens of a node. */
  tokensOf(node: number): number {
    return this.ends[node]! - this.startOf(node)
  }

  /** The node before it, -1 for none. */
  parentOf(node: number): number {
    return this.parents[node]!
  }

  /** Whether nothing begins with a node. */
  isLeaf(node: number): boolean {
    return this.children[node] === 0
  }

  /** Tells nodes apart by age: the lower is the older, and none has one that another had. */
  serialOf(node: number): number {
    return this.serials[node]!
  }

  /** Follows a prompt as far as it is known, and writes the nodes that it goes through to {@link nodes}. */
  find(path: PromptPath): void {
    const { nodeByRun, serialByRun, serials } = this
    const { ids, length } = path
    this.path = path
    this.length = 0
    let last = NONE
    let i = 0
    for (; i < length; i++) {
      const run = ids[i]!
      const node = run < nodeByRun.length ? nodeByRun[run]! : NONE
      if (node === NONE || serialByRun[run] !== serials[node]) break
      if (node === last) continue
      this.push(node)
      last = node
      this.firstRun = i
    }
    this.nextRun = i
    this.tokens = i === 0 ? 0 : path.endTokens[i - 1]!
  }

  /**
   * Cuts the last of {@link nodes} where the prompt leaves it, and puts its new, earlier part in its place.
   * @returns the later part, which is the node as it was before; -1 where the prompt goes to its end
   */
  cut(): number {
    const { length, nodes, tokens } = this
    const node = length === 0 ? NONE : nodes[length - 1]!
    if (node === NONE || this.ends[node] === tokens) return NONE
    const earlier = this.take(this.parents[node]!, tokens)
    this.parents[node] = earlier
    this.children[earlier] = 1
    this.name(this.firstRun, this.nextRun, earlier)
    nodes[length - 1] = earlier
    return node
  }

  /**
   * Puts what follows in the prompt into a node of its own, the last of {@link nodes}; after {@link cut}.
   * @param promptTokens - length of the prompt, with what is its own
   * @returns the node, -1 where nothing follows
   */
  addRest(promptTokens: number): number {
    const { length, nextRun, path } = this
    const end = Math.max(promptTokens, path.tokens)
    if (end === this.tokens) return NONE
    const parent = length === 0 ? NONE : this.nodes[length - 1]!
    const node = this.take(parent, end)
    if (parent !== NONE) this.children[parent] = this.children[parent]! + 1
    this.name(nextRun, path.length, node)
    this.push(node)
    this.tokens = end
    return node
  }

  /** Forgets a leaf. */
  drop(node: number): void {
    const parent = this.parents[node]!
    if (parent !== NONE) this.children[parent] = this.children[parent]! - 1
    this.serials[node] = 0
    this.parents[node] = this.unused
    this.unused = node
  }

  /** Runs whose ids will stand for other content lie in no node any more, nor do those after them. */
  forget(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      const run = ids[i]!
      if (run < this.nodeByRun.length) this.nodeByRun[run] = NONE
    }
  }

  private take(parent: number, end: number): number {
    const node = this.unused === NONE ? this.count++ : this.unused
    if (node === this.parents.length) {
      const size = Math.max(256, 2 * node)
      this.parents = grown(this.parents, new Int32Array(size))
      this.ends = grown(this.ends, new Int32Array(size))
      this.children = grown(this.children, new Int32Array(size))
      this.serials = grown(this.serials, new Float64Array(size))
    }
    if (node === this.unused) this.unused = this.parents[node]!
    this.parents[node] = parent
    this.ends[node] = end
    this.children[node] = 0
    this.serials[node] = ++this.serial
    return node
  }

  /** Writes down in which node runs lie. */
  private name(from: number, to: number, node: number): void {
    const serial = this.serials[node]!
    const { ids } = this.path
    for (let i = from; i < to; i++) {
      const run = ids[i]!
      if (run >= this.nodeByRun.length) {
        const size = Math.max(256, 2 * (run + 1))
        this.nodeByRun = grown(this.nodeByRun, new Int32Array(size).fill(NONE))
        this.serialByRun = grown(this.serialByRun, new Float64Array(size))
      }
      this.nodeByRun[run] = node
      this.serialByRun[run] = serial
    }
  }

  private push(node: number): void {
    if (this.length === this.nodes.length) {
      this.nodes = grown(this.nodes, new Int32Array(2 * this.length))
    }
    this.nodes[this.length++] = node
  }
}
