/** Values of which some positions in sorted order are wanted. Equal ones are kept once. */
export class ValueGroup {
  /** Number of values, once all are there. */
  readonly size: number
  private first = 0
  private filled = 0
  /** All values, once they differ. */
  private values: Float64Array | undefined

  constructor(size: number) {
    this.size = size
  }

  push(value: number): void {
    if (this.filled === 0) this.first = value
    if (this.values === undefined && !Object.is(value, this.first)) {
      this.values = new Float64Array(this.size).fill(this.first, 0, this.filled)
    }
    if (this.values !== undefined) this.values[this.filled] = value
    this.filled++
  }

  /** To be called when all values are there, before {@link at}. */
  sort(): void {
    this.values?.sort()
  }

  at(position: number): number {
    return this.values === undefined ? this.first : this.values[position]!
  }
}
