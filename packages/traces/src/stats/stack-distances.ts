/**
 * Exact LRU stack distances of blocks that are used in groups, in O(n log n): how many distinct blocks
 * have been used since a block was used last. Mattson et al. (1970), with the counting tree of Bennett
 * and Kruskal (1975).
 */
export class StackDistances {
  /** Uses per distance: `counts[d]` blocks were found with `d` others used after them. */
  counts: Float64Array = new Float64Array(1024)
  /** Uses of blocks that were never used before. */
  firstUses = 0
  /** When each block was used last, counted from 1; 0 for never. */
  private readonly lastUse: Int32Array
  /** Fenwick tree over uses: how many blocks were used then and not again. */
  private readonly tree: Float64Array
  private now = 0
  private live = 0

  /**
   * @param blocks - blocks have numbers below it
   * @param uses - uses in all, at most; those of blocks without numbers are one a request
   */
  constructor(blocks: number, uses: number) {
    this.lastUse = new Int32Array(blocks)
    this.tree = new Float64Array(uses + 1)
  }

  /**
   * A request looks for the blocks of some ranges. All are looked for before any is used; the deepest,
   * which stand last, count as used first, as engines give up leaves first.
   * @param nameless - blocks below those of the ranges that no other request has
   */
  use(from: readonly number[], to: readonly number[], nameless = 0): void {
    const { lastUse } = this
    for (let range = 0; range < from.length; range++) {
      for (let block = from[range]!; block < to[range]!; block++) {
        const last = lastUse[block]!
        if (last === 0) this.firstUses++
        else this.count(this.live - this.upTo(last))
      }
    }
    if (nameless > 0) {
      this.live += nameless
      this.change(++this.now, nameless)
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

  private count(distance: number): void {
    if (distance >= this.counts.length) {
      const grown = new Float64Array(distance * 2)
      grown.set(this.counts)
      this.counts = grown
    }
    this.counts[distance]!++
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
