/** What {@link PathStarts.find} answers when there is no such block. */
export const NO_BLOCK = -1

/** Integers per record: parent, number of the block plus 1; the id takes the place of two more. */
const STRIDE = 4
const BLOCK = 1
/** A record that was never written, as new memory holds it. */
const EMPTY = 0
const FIRST_SLOTS = 1 << 10

/**
 * Finds blocks by what they follow and by their id: a hash table in one array, so that a search
 * touches one line of memory.
 */
export class PathStarts {
  private count = 0
  private records = new Int32Array(FIRST_SLOTS * STRIDE)
  /** The same memory. */
  private ids = new Float64Array(this.records.buffer)
  private mask = FIRST_SLOTS - 1
  /** Greatest id; those of new blocks are often greater than all before. */
  private largest = Number.NEGATIVE_INFINITY

  /** The block of an id below `parent`, {@link NO_BLOCK} when there is none. */
  find(parent: number, id: number): number {
    if (id > this.largest) return NO_BLOCK
    const { records, ids, mask } = this
    let slot = hash(parent, id) & mask
    for (;;) {
      const at = slot * STRIDE
      const found = records[at + BLOCK]!
      if (found === EMPTY) return NO_BLOCK
      if (records[at] === parent && ids[slot * 2 + 1] === id) return found - 1
      slot = (slot + 1) & mask
    }
  }

  /** Makes `block` the one of an id below `parent`, which must have none. */
  add(parent: number, id: number, block: number): void {
    // At most two thirds full: searches stay short.
    if (this.count * 3 >= this.mask * 2) this.grow()
    this.place(parent, id, block)
    if (id > this.largest) this.largest = id
    this.count++
  }

  private place(parent: number, id: number, block: number): void {
    const { records, ids, mask } = this
    let slot = hash(parent, id) & mask
    while (records[slot * STRIDE + BLOCK] !== EMPTY) slot = (slot + 1) & mask
    records[slot * STRIDE] = parent
    records[slot * STRIDE + BLOCK] = block + 1
    ids[slot * 2 + 1] = id
  }

  private grow(): void {
    const { records, ids } = this
    this.mask = this.mask * 2 + 1
    this.records = new Int32Array((this.mask + 1) * STRIDE)
    this.ids = new Float64Array(this.records.buffer)
    for (let at = 0; at < records.length; at += STRIDE) {
      const found = records[at + BLOCK]!
      if (found !== EMPTY) this.place(records[at]!, ids[(at >>> 1) + 1]!, found - 1)
    }
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
