import type { BlockListener, BlockNames } from '@routesim/hardware'

/**
 * Small integers for the blocks of requests under way and of what is cached: equal ones mean equal content
 * and everything before it. A number whose block is neither needed nor cached any more goes to another.
 */
export class SequenceNames implements BlockNames {
  private readonly ids = new Map<number, number>()
  private readonly hashes: number[] = []
  private readonly uses: number[] = []
  private readonly free: number[] = []
  private readonly rows = new Map<number, Int32Array>()

  /** Blocks that have a number. */
  get size(): number {
    return this.ids.size
  }

  /** The request of a row begins. @param chained - hashes of all blocks of its prompt and answer */
  begin(row: number, chained: Float64Array): void {
    const ids = new Int32Array(chained.length)
    for (let i = 0; i < ids.length; i++) ids[i] = this.acquire(chained[i]!)
    this.rows.set(row, ids)
  }

  /** The request of a row is over. */
  end(row: number): void {
    for (const id of this.rows.get(row) ?? []) this.release(id)
    this.rows.delete(row)
  }

  /** Hash of block `at` of a row. */
  hashOf(row: number, at: number): number {
    return this.hashes[this.rows.get(row)![at]!]!
  }

  write(row: number, from: number, to: number, out: Int32Array): void {
    const ids = this.rows.get(row)!
    for (let i = from; i < to; i++) out[i - from] = ids[i]!
  }

  /** Keeps numbers for what a cache holds, and passes its news on. */
  keeping(
    stored: (row: number, from: number, to: number) => void,
    removed: (hash: number) => void,
  ): BlockListener {
    return {
      stored: (row, from, to) => {
        const ids = this.rows.get(row)!
        for (let i = from; i < to; i++) this.uses[ids[i]!] = this.uses[ids[i]!]! + 1
        stored(row, from, to)
      },
      removed: (id) => {
        removed(this.hashes[id]!)
        this.release(id)
      },
    }
  }

  private acquire(hash: number): number {
    let id = this.ids.get(hash)
    if (id === undefined) {
      id = this.free.pop() ?? this.uses.length
      this.ids.set(hash, id)
      this.hashes[id] = hash
      this.uses[id] = 0
    }
    this.uses[id] = this.uses[id]! + 1
    return id
  }

  private release(id: number): void {
    const uses = this.uses[id]! - 1
    this.uses[id] = uses
    if (uses > 0) return
    this.ids.delete(this.hashes[id]!)
    this.free.push(id)
  }
}
