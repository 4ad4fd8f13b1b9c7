/**
 * Records of a fixed number of int32 fields in one array. A record is named by the offset of its first
 * field, so that field f of record r is `data[r + f]`. Read `data` anew after `take`: it may have grown.
 */
export class RecordPool {
  data: Int32Array
  private readonly stride: number
  private readonly spare: number[] = []
  private end = 0

  constructor(stride: number, capacity: number) {
    this.stride = stride
    this.data = new Int32Array(stride * capacity)
  }

  /** An unused record; its fields hold whatever was there. */
  take(): number {
    const spare = this.spare.pop()
    if (spare !== undefined) return spare
    const record = this.end
    this.end += this.stride
    if (this.end > this.data.length) {
      const data = new Int32Array(this.data.length * 2)
      data.set(this.data)
      this.data = data
    }
    return record
  }

  give(record: number): void {
    this.spare.push(record)
  }
}
