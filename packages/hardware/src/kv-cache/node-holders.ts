import type { BlockTree } from './block-tree.js'

const NONE = -1

/** Holders from which on a node gets a row. */
export const WIDE_FROM = 8

/**
 * Which extent each backend has of each node of a tree, and how far it is resident. Most nodes have few
 * holders and are found by walking the chain of their extents. A node that many backends hold gets a
 * row with one entry per backend: looking one up is O(1), and looking at all is one scan.
 */
export class NodeHolders {
  readonly tree: BlockTree
  /** Per node: the first extent of its chain, -1 for none. */
  readonly heads: Int32Array
  /** Per node: the offset of its row, -1 for none. */
  readonly rowOf: Int32Array
  /** Extents and resident ends by row and backend; -1 and 0 where a backend holds nothing. */
  extents: Int32Array
  resident: Int32Array
  private readonly backends: number
  private readonly wideFrom: number
  private readonly counts: Int32Array
  private readonly spareRows: number[] = []
  private rowsEnd = 0

  constructor(tree: BlockTree, backends: number, wideFrom: number) {
    this.tree = tree
    this.backends = backends
    this.wideFrom = wideFrom
    this.heads = new Int32Array(tree.size).fill(NONE)
    this.rowOf = new Int32Array(tree.size).fill(NONE)
    this.counts = new Int32Array(tree.size)
    this.extents = new Int32Array(0)
    this.resident = new Int32Array(0)
  }

  /** One more backend holds a node. @returns true when the node should get a row now */
  added(node: number): boolean {
    const count = this.counts[node]! + 1
    this.counts[node] = count
    return count >= this.wideFrom && this.rowOf[node] === NONE
  }

  /** One backend fewer holds a node; a row with few entries left is given up. */
  removed(node: number): void {
    const count = this.counts[node]! - 1
    this.counts[node] = count
    const row = this.rowOf[node]!
    if (row === NONE || count > this.wideFrom / 2) return
    this.rowOf[node] = NONE
    this.spareRows.push(row)
  }

  /** Gives a node an empty row. @returns its offset */
  widen(node: number): number {
    const spare = this.spareRows.pop()
    const row = spare ?? this.rowsEnd
    if (spare === undefined) {
      this.rowsEnd += this.backends
      if (this.rowsEnd > this.extents.length) this.grow()
    }
    this.extents.fill(NONE, row, row + this.backends)
    this.resident.fill(0, row, row + this.backends)
    this.rowOf[node] = row
    return row
  }

  private grow(): void {
    const size = Math.max(this.rowsEnd, this.extents.length * 2, 16 * this.backends)
    const extents = new Int32Array(size)
    extents.set(this.extents)
    this.extents = extents
    const resident = new Int32Array(size)
    resident.set(this.resident)
    this.resident = resident
  }
}
