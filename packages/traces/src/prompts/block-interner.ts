import { Int32List } from '@routesim/core'

const EMPTY = -1

/**
 * Numbers blocks in order of first appearance, where a block is an id below the block before it: the
 * same id after different beginnings is two blocks. Ids are any numbers, compared by value.
 */
export class BlockInterner {
  private readonly parents = new Int32List()
  private ids = new Float64Array(256)
  private slots = new Int32Array(1 << 10).fill(EMPTY)

  get size(): number {
    return this.parents.length
  }

  parentOf(block: number): number {
    return this.parents.values[block]!
  }

  /** The block of an id below `parent`, -1 when it is new. */
  find(parent: number, id: number): number {
    // Most blocks of a path were new together: the next number is the likely one.
    const next = parent + 1
    if (next < this.size && this.parents.values[next] === parent && this.ids[next] === id) {
      return next
    }
    const mask = this.slots.length - 1
    let slot = hash(parent, id) & mask
    for (;;) {
      const block = this.slots[slot]!
      if (block === EMPTY) return -1
      if (this.ids[block] === id && this.parents.values[block] === parent) return block
      slot = (slot + 1) & mask
    }
  }

  /** Numbers an id below `parent` that is new. */
  add(parent: number, id: number): number {
    const block = this.size
    this.parents.push(parent)
    if (block === this.ids.length) {
      const grown = new Float64Array(block * 2)
      grown.set(this.ids)
      this.ids = grown
    }
    this.ids[block] = id
    if (block * 2 >= this.slots.length) this.rehash()
    else this.place(block)
    return block
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2).fill(EMPTY)
    for (let block = 0; block < this.size; block++) this.place(block)
  }

  private place(block: number): void {
    const mask = this.slots.length - 1
    let slot = hash(this.parents.values[block]!, this.ids[block]!) & mask
    while (this.slots[slot] !== EMPTY) slot = (slot + 1) & mask
    this.slots[slot] = block
  }
}

function hash(parent: number, id: number): number {
  // Ids that are not whole stand for strings; their half must not make them collide in pairs.
  const low = (id * 2) >>> 0
  const high = Math.floor(id / 2147483648) | 0
  let mixed =
    Math.imul(parent ^ 0x9e3779b9, 0x85ebca6b) ^
    Math.imul(low ^ Math.imul(high, 0x27d4eb2f), 0xc2b2ae35)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
