import { sharedInt32 } from './shared-columns.js'

const FIRST_CAPACITY = 1024

/**
 * A growing column of 32-bit integers. It takes no memory until a row differs from the default; rows
 * that were never set hold the default.
 */
export class Int32Column {
  /** What rows hold that were never set. */
  readonly initial: number
  private values: Int32Array | undefined

  constructor(initial: number) {
    this.initial = initial
  }

  /** Whether some row was set to something else than the default. */
  get isUsed(): boolean {
    return this.values !== undefined
  }

  get(row: number): number {
    const values = this.values
    return values === undefined || row >= values.length ? this.initial : values[row]!
  }

  set(row: number, value: number): void {
    let values = this.values
    if (values === undefined || row >= values.length) {
      if (value === this.initial) return
      values = this.grow(row + 1)
    }
    values[row] = value
  }

  /** The first `size` rows, in the order of row numbers `order` if given, in shared memory. */
  finish(size: number, order?: Int32Array): Int32Array {
    const column = sharedInt32(size)
    const values = this.values
    if (values === undefined) return this.initial === 0 ? column : column.fill(this.initial)
    if (order !== undefined) {
      for (let row = 0; row < size; row++) column[row] = this.get(order[row]!)
      return column
    }
    column.set(values.length > size ? values.subarray(0, size) : values)
    if (values.length < size) column.fill(this.initial, values.length)
    return column
  }

  private grow(rows: number): Int32Array {
    const before = this.values
    let capacity = before === undefined ? FIRST_CAPACITY : before.length * 2
    while (capacity < rows) capacity *= 2
    const values = new Int32Array(capacity)
    if (before !== undefined) values.set(before)
    if (this.initial !== 0) values.fill(this.initial, before === undefined ? 0 : before.length)
    this.values = values
    return values
  }
}
