import { sharedInt32 } from './shared-columns.js'

const FIRST_CAPACITY = 1024

/** Memory that is not written to yet costs next to nothing, and copying does. */
const GROWTH = 4

/**
 * A growing column of 32-bit integers. It takes no memory until a row differs from the default; rows
 * that were never set hold the default.
 */
export class Int32Column {
  /** What rows hold that were never set. */
  readonly initial: number
  private values: Int32Array = new Int32Array(0)
  /** Rows from here on were never set, and are not filled with the default either. */
  private written = 0

  constructor(initial: number) {
    this.initial = initial
  }

  /** Whether some row was set to something else than the default. */
  get isUsed(): boolean {
    return this.written > 0
  }

  get(row: number): number {
    return row < this.written ? this.values[row]! : this.initial
  }

  set(row: number, value: number): void {
    if (row >= this.written) {
      if (value === this.initial) return
      this.extend(row)
    }
    this.values[row] = value
  }

  /**
   * The first `size` rows, in the order of row numbers `order` if given, in shared memory. Without an
   * order it may be the memory of this column, which must not be set any more.
   */
  finish(size: number, order?: Int32Array): Int32Array {
    if (order === undefined && size > this.values.length / 2 && size <= this.values.length) {
      this.values.fill(this.initial, this.written, size)
      return this.values.subarray(0, size)
    }
    const column = sharedInt32(size)
    if (order === undefined) {
      column.set(this.values.subarray(0, Math.min(size, this.written)))
      if (this.initial !== 0) column.fill(this.initial, this.written)
    } else for (let row = 0; row < size; row++) column[row] = this.get(order[row]!)
    return column
  }

  private extend(row: number): void {
    if (row >= this.values.length) {
      let capacity = Math.max(FIRST_CAPACITY, this.values.length * GROWTH)
      while (capacity <= row) capacity *= GROWTH
      const values = sharedInt32(capacity)
      values.set(this.values.subarray(0, this.written))
      this.values = values
    }
    if (row > this.written) this.values.fill(this.initial, this.written, row)
    this.written = row + 1
  }
}
