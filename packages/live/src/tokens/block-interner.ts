/**
 * Gives blocks dense integer ids while they are in use: equal id means equal content and everything before
 * it. Memory is bounded as long as {@link forget} is called when it {@link isFull}: what was not asked for while half
 * the capacity of others was is forgotten, and its id goes to another block.
 *
 * O(1) per block.
 */
export class BlockInterner {
  /** Blocks that are remembered, about; may be changed at any time. */
  capacity: number
  private recent = new Map<number, number>()
  private older = new Map<number, number>()
  private free: Int32Array = new Int32Array(0)
  private freeCount = 0
  private next = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Blocks remembered. */
  get size(): number {
    return this.recent.size + this.older.size
  }

  /** Whether it is time to forget. */
  get isFull(): boolean {
    return this.recent.size >= this.capacity / 2
  }

  /** The ids of blocks with these chained hashes, of a prompt from its start on. */
  intern(chained: ArrayLike<number>): Int32Array {
    const ids = new Int32Array(chained.length)
    for (let i = 0; i < ids.length; i++) {
      const hash = chained[i]!
      ids[i] = this.recent.get(hash) ?? this.renewed(hash)
    }
    return ids
  }

  /**
   * The ids of any blocks, without asking for those that are known: a block that is kept longer than one before it
   * would outlive the start of its prompt.
   */
  idsOf(chained: ArrayLike<number>): Int32Array {
    const ids = new Int32Array(chained.length)
    for (let i = 0; i < ids.length; i++) {
      const hash = chained[i]!
      ids[i] = this.recent.get(hash) ?? this.older.get(hash) ?? this.renewed(hash)
    }
    return ids
  }

  /**
   * Forgets what was not asked for since the last time. Whoever knows blocks by their ids has to forget these
   * before the next block is asked for.
   *
   * @param kept - chained hashes of prompts that keep their ids
   * @returns the ids that are free
   */
  forget(kept: Iterable<ArrayLike<number>>): Int32Array {
    for (const chained of kept) this.intern(chained)
    const gone = Int32Array.from(this.older.values())
    const free = new Int32Array(this.freeCount + gone.length)
    free.set(this.free.subarray(0, this.freeCount))
    free.set(gone, this.freeCount)
    this.free = free
    this.freeCount = free.length
    this.older = this.recent
    this.recent = new Map()
    return gone
  }

  private renewed(hash: number): number {
    let id = this.older.get(hash)
    if (id !== undefined) this.older.delete(hash)
    else id = this.freeCount > 0 ? this.free[--this.freeCount]! : this.next++
    this.recent.set(hash, id)
    return id
  }
}
