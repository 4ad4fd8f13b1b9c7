/**
 * Exact LRU stack distances of blocks that are used in groups, in O(n log n): how many distinct blocks
 * have been used since a block was used last. Mattson et al. (1970), with the counting tree of Bennett
 * and Kruskal (1975).
 */
export class StackDistances {
  /** Uses per distance: `counts[d]` blocks were found with `d` others used after them. */
  readonly counts: Float64Array
  /** Uses of blocks that were never used before. */
  firstUses = 0
  /** When each block was used last, counted from 1; 0 for never. */
  private readonly lastUse: Int32Array
  /** Fenwick tree over uses: 1 where a use is the last of its block. */
  private readonly tree: Int32Array
  private now = 0
  private live = 0

  /**
   * @param blocks - blocks have numbers below it
   * @param uses - uses in all, at most
   */
  constructor(blocks: number, uses: number) {
    this.lastUse = new Int32Array(blocks)
    this.tree = new Int32Array(uses + 1)
    this.counts = new Float64Array(blocks + 1)
  }

  /**
   * A request looks for the blocks of some ranges. All are looked for before any is used; the deepest,
   * which stand last, count as used first, as engines give up leaves first.
   */
  use(from: readonly number[], to: readonly number[]): void {
    const { lastUse, counts } = this
    for (let range = 0; range < from.length; range++) {
      for (let block = from[range]!; block < to[range]!; block++) {
        const last = lastUse[block]!
        if (last === 0) this.firstUses++
        else counts[this.live - this.upTo(last)]!++
      }
    }
    for (let range = from.length - 1; range >= 0; range--) {
      for (let block = to[range]! - 1; block >= from[range]!; block--) {
        const last = lastUse[block]!
        if (last > 0) this.change(last, -1)
        else this.live++
        lastUse[block] = ++this.now
        this.change(this.now, 1)
      }
    }
  }

  /** Uses found by an LRU cache of so many blocks. */
  hits(capacity: number): number {
    let hits = 0
    const end = Math.min(capacity, this.counts.length)
    for (let distance = 0; distance < end; distance++) hits += this.counts[distance]!
    return hits
  }

  private upTo(use: number): number {
    let sum = 0
    for (let at = use; at > 0; at -= at & -at) sum += this.tree[at]!
    return sum
  }

  private change(use: number, by: number): void {
    for (let at = use; at < this.tree.length; at += at & -at) this.tree[at]! += by
  }
}
