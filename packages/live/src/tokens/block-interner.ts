/**
 * Gives blocks dense integer ids while they are in use: equal id means equal content and everything before
 * it. Memory is bounded: what was not asked for while half the capacity of others was is forgotten, and its
 * id goes to another block.
 *
 * O(1) per block.
 */
export class BlockInterner {
  private readonly halfCapacity: number
  private recent = new Map<number, number>()
  private older = new Map<number, number>()
  private readonly free: number[] = []
  private next = 0

  /** @param capacity - blocks that are remembered, about */
  constructor(capacity: number) {
    this.halfCapacity = Math.max(1, Math.floor(capacity / 2))
  }

  /** Blocks remembered. */
  get size(): number {
    return this.recent.size + this.older.size
  }

  /** The ids of blocks with these chained hashes. */
  intern(chained: ArrayLike<number>): Int32Array {
    const ids = new Int32Array(chained.length)
    for (let i = 0; i < ids.length; i++) ids[i] = this.idOf(chained[i]!)
    // After, so that no id goes to another block within one sequence.
    if (this.recent.size >= this.halfCapacity) this.age()
    return ids
  }

  private idOf(hash: number): number {
    const known = this.recent.get(hash)
    if (known !== undefined) return known
    let id = this.older.get(hash)
    if (id === undefined) id = this.free.pop() ?? this.next++
    else this.older.delete(hash)
    this.recent.set(hash, id)
    return id
  }

  private age(): void {
    for (const id of this.older.values()) this.free.push(id)
    this.older = this.recent
    this.recent = new Map()
  }
}
