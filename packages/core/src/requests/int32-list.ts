/** A growing list of 32-bit integers. */
export class Int32List {
  /** The elements, and room for more behind them. */
  values: Int32Array = new Int32Array(256)
  private count = 0

  get length(): number {
    return this.count
  }

  push(value: number): void {
    if (this.count === this.values.length) {
      const grown = new Int32Array(this.count * 2)
      grown.set(this.values)
      this.values = grown
    }
    this.values[this.count++] = value
  }
}
