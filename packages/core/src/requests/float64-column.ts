import { sharedFloat64 } from './shared-columns.js'

const FIRST_CAPACITY = 1024
const GROWTH = 4

/** A growing column of 64-bit floats, which takes no memory until a row differs from the default. */
export class Float64Column {
  /** What rows hold that were never set; may be NaN. */
  readonly initial: number
  private values: Float64Array = new Float64Array(0)

  constructor(initial: number) {
    this.initial = initial
  }

  /** Whether some row was set to something else than the default. */
  get isUsed(): boolean {
    return this.values.length > 0
  }

  get(row: number): number {
    return row < this.values.length ? this.values[row]! : this.initial
  }

  set(row: number, value: number): void {
    if (row >= this.values.length) {
      if (Object.is(value, this.initial)) return
      let capacity = Math.max(FIRST_CAPACITY, this.values.length * GROWTH)
      while (capacity <= row) capacity *= GROWTH
      const grown = new Float64Array(capacity).fill(this.initial)
      grown.set(this.values)
      this.values = grown
    }
    this.values[row] = value
  }

  /** The first `size` rows, in the order of row numbers `order` if given, in shared memory. */
  finish(size: number, order?: Int32Array): Float64Array {
    const column = sharedFloat64(size)
    for (let row = 0; row < size; row++)
      column[row] = this.get(order === undefined ? row : order[row]!)
    return column
  }
}
