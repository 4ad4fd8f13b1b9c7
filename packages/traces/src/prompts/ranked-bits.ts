/** A growing set of integers that come in ascending order, and how many lie below a given one. */
export class RankedBits {
  private words = new Int32Array(256)
  /** Per word: members in the words before it. Right up to the word of the last member. */
  private before = new Int32Array(256)
  private lastWord = 0
  private count = 0

  get size(): number {
    return this.count
  }

  /** Adds a member greater than all others. */
  push(member: number): void {
    const word = member >>> 5
    if (word >= this.words.length) this.grow(word)
    while (this.lastWord < word) this.before[++this.lastWord] = this.count
    this.words[word]! |= 1 << (member & 31)
    this.count++
  }

  has(member: number): boolean {
    const word = member >>> 5
    return word <= this.lastWord && ((this.words[word]! >>> (member & 31)) & 1) === 1
  }

  /** The least member from `from` on; `limit` when it is not less than that. */
  next(from: number, limit: number): number {
    if (from >= limit) return limit
    let word = from >>> 5
    let rest = word <= this.lastWord ? this.words[word]! & (-1 << (from & 31)) : 0
    while (rest === 0) {
      word++
      if (word > this.lastWord || word << 5 >= limit) return limit
      rest = this.words[word]!
    }
    const member = (word << 5) + 31 - Math.clz32(rest & -rest)
    return Math.min(member, limit)
  }

  /** Members less than `value`. */
  rank(value: number): number {
    const word = value >>> 5
    if (word > this.lastWord) return this.count
    const below = this.words[word]! & ((1 << (value & 31)) - 1)
    return this.before[word]! + bitCount(below)
  }

  private grow(word: number): void {
    let capacity = this.words.length
    while (capacity <= word) capacity *= 2
    const words = new Int32Array(capacity)
    const before = new Int32Array(capacity)
    words.set(this.words)
    before.set(this.before)
    this.words = words
    this.before = before
  }
}

/** Bits that are set in a 32-bit integer. */
export function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
