const EMPTY = -1

/**
 * A map from 32-bit integers to non-negative integers: open addressing with linear probing over typed
 * arrays, deletion by shifting back. O(1) expected, no garbage.
 */
export class IntMap {
  private keys: Int32Array
  private values: Int32Array
  private shift: number
  private count = 0

  constructor(expectedSize = 8) {
    let bits = 4
    while (1 << bits < expectedSize * 2) bits++
    this.keys = new Int32Array(1 << bits)
    this.values = new Int32Array(1 << bits).fill(EMPTY)
    this.shift = 32 - bits
  }

  get size(): number {
    return this.count
  }

  /** The value of a key, -1 when it is absent. */
  get(key: number): number {
    const mask = this.keys.length - 1
    let at = this.home(key)
    for (;;) {
      const value = this.values[at]!
      if (value === EMPTY || this.keys[at] === key) return value
      at = (at + 1) & mask
    }
  }

  /** Adds or replaces an entry. */
  set(key: number, value: number): void {
    if (this.count * 2 >= this.keys.length) this.grow()
    const mask = this.keys.length - 1
    let at = this.home(key)
    while (this.values[at] !== EMPTY && this.keys[at] !== key) at = (at + 1) & mask
    if (this.values[at] === EMPTY) this.count++
    this.keys[at] = key
    this.values[at] = value
  }

  /** Removes an entry if it is there. */
  delete(key: number): void {
    const mask = this.keys.length - 1
    let hole = this.home(key)
    while (this.keys[hole] !== key || this.values[hole] === EMPTY) {
      if (this.values[hole] === EMPTY) return
      hole = (hole + 1) & mask
    }
    this.count--
    let at = hole
    for (;;) {
      at = (at + 1) & mask
      if (this.values[at] === EMPTY) break
      // An entry may fill the hole unless its home lies after the hole.
      if (((at - this.home(this.keys[at]!)) & mask) >= ((at - hole) & mask)) {
        this.keys[hole] = this.keys[at]!
        this.values[hole] = this.values[at]!
        hole = at
      }
    }
    this.values[hole] = EMPTY
  }

  /** Fibonacci hashing: keys come in runs, and this spreads runs. */
  private home(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> this.shift
  }

  private grow(): void {
    const { keys, values } = this
    this.keys = new Int32Array(keys.length * 2)
    this.values = new Int32Array(keys.length * 2).fill(EMPTY)
    this.shift--
    this.count = 0
    for (let i = 0; i < keys.length; i++) {
      if (values[i] !== EMPTY) this.set(keys[i]!, values[i]!)
    }
  }
}
