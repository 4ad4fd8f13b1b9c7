import { IntMap } from './int-map.js'

const NONE = -1

/**
 * Blocks of some contents in a memory of limited size; the least recently used one makes room. Contents
 * are named by integers from 0 on; -1 is one that nobody will ask for, but that takes up room. O(1) each.
 */
export class BlockLru {
  /** What `put` gives back when nothing had to go. */
  static readonly NOTHING = -2
  readonly capacity: number
  private readonly slots = new IntMap()
  private content: Int32Array
  private older: Int32Array
  private newer: Int32Array
  private readonly spare: number[] = []
  private oldest = NONE
  private newest = NONE
  private taken = 0
  private count = 0

  constructor(capacity: number) {
    this.capacity = capacity
    const first = Math.min(capacity, 64)
    this.content = new Int32Array(first)
    this.older = new Int32Array(first)
    this.newer = new Int32Array(first)
  }

  /** Blocks in use. */
  get size(): number {
    return this.count
  }

  has(content: number): boolean {
    return this.slots.get(content) !== NONE
  }

  /**
   * Keeps a content, or says that it was just used.
   * @returns the content that had to go, `BlockLru.NOTHING` for none
   */
  put(content: number): number {
    const known = content === NONE ? NONE : this.slots.get(content)
    if (known !== NONE) {
      this.unlink(known)
      this.append(known)
      return BlockLru.NOTHING
    }
    const gone = this.count === this.capacity ? this.dropOldest() : BlockLru.NOTHING
    const slot = this.spare.pop() ?? this.newSlot()
    this.content[slot] = content
    if (content !== NONE) this.slots.set(content, slot)
    this.append(slot)
    this.count++
    return gone
  }

  /** Forgets a content if it is there. */
  remove(content: number): void {
    const slot = this.slots.get(content)
    if (slot !== NONE) this.drop(slot)
  }

  clear(): void {
    while (this.oldest !== NONE) this.drop(this.oldest)
  }

  private dropOldest(): number {
    const content = this.content[this.oldest]!
    this.drop(this.oldest)
    return content
  }

  private drop(slot: number): void {
    this.unlink(slot)
    const content = this.content[slot]!
    if (content !== NONE) this.slots.delete(content)
    this.spare.push(slot)
    this.count--
  }

  private newSlot(): number {
    if (this.taken === this.content.length) {
      const size = Math.min(this.capacity, this.taken * 2)
      this.content = grown(this.content, size)
      this.older = grown(this.older, size)
      this.newer = grown(this.newer, size)
    }
    return this.taken++
  }

  private append(slot: number): void {
    this.older[slot] = this.newest
    this.newer[slot] = NONE
    if (this.newest === NONE) this.oldest = slot
    else this.newer[this.newest] = slot
    this.newest = slot
  }

  private unlink(slot: number): void {
    const older = this.older[slot]!
    const newer = this.newer[slot]!
    if (older === NONE) this.oldest = newer
    else this.newer[older] = newer
    if (newer === NONE) this.newest = older
    else this.older[newer] = older
  }
}

function grown(column: Int32Array, size: number): Int32Array {
  const larger = new Int32Array(size)
  larger.set(column)
  return larger
}
