import { grown } from '../pickers/column.js'

const NONE = -1
/** Owners from which on a run has a row, at least: fewer are found as fast in a list. */
const WIDE_FROM = 8
/** Backends per owner of a run that has a row, at most: rows are not much larger than what they find. */
const SPARSENESS = 8

/**
 * For runs of content with many owners, a row each with the entry of every backend: O(1) to find one of them,
 * and one scan of adjacent memory to find all. Rows take 4 bytes per backend, so at most 64 per entry.
 */
export class OwnerRows {
  /** By row and backend: an entry, -1 for none. */
  entries: Int32Array = new Int32Array(0)
  /** Backends that a row has room for. */
  width = 0
  /** Owners that a run must have to get a row; one with half as many loses it. */
  wideFrom: number = WIDE_FROM
  private readonly spare: number[] = []
  private end = 0
  /** By run: where its row begins, plus one; 0 for none. */
  private rows = new Int32Array(0)
  /** By row: its owners. */
  private counts = new Int32Array(0)

  /** Memory of its arrays. */
  get bytes(): number {
    return this.entries.byteLength + this.rows.byteLength + this.counts.byteLength
  }

  /** Where the row of a run begins, -1 without one. */
  of(run: number): number {
    return run < this.rows.length ? this.rows[run]! - 1 : NONE
  }

  /** Gives a run an empty row. */
  open(run: number): void {
    if (run >= this.rows.length)
      this.rows = grown(this.rows, new Int32Array(Math.max(256, 2 * (run + 1))))
    const spare = this.spare.pop()
    const row = spare ?? this.end
    if (spare === undefined) {
      this.end += this.width
      if (this.end > this.entries.length) {
        this.entries = grown(
          this.entries,
          new Int32Array(Math.max(this.end, 2 * this.entries.length)).fill(NONE),
        )
        this.counts = grown(this.counts, new Int32Array(this.entries.length / this.width))
      }
    }
    this.rows[run] = row + 1
  }

  /** Writes the entry of a backend down where its run has a row. */
  add(run: number, backend: number, entry: number): void {
    const row = this.of(run)
    if (row === NONE) return
    this.entries[row + backend] = entry
    this.counts[row / this.width] = this.counts[row / this.width]! + 1
  }

  /** A backend no longer owns a run; a row with few owners is given up. */
  remove(run: number, backend: number): void {
    const row = this.of(run)
    if (row === NONE) return
    const count = this.counts[row / this.width]! - 1
    this.counts[row / this.width] = count
    this.entries[row + backend] = NONE
    if (count > this.wideFrom / 2) return
    this.entries.fill(NONE, row, row + this.width)
    this.counts[row / this.width] = 0
    this.rows[run] = 0
    this.spare.push(row)
  }

  /** Makes room for a larger fleet. */
  widen(width: number): void {
    const before = this.width
    this.width = width
    this.wideFrom = Math.max(WIDE_FROM, width / SPARSENESS)
    if (this.end === 0) return
    const count = this.end / before
    const entries = new Int32Array((this.entries.length / before) * width).fill(NONE)
    for (let i = 0; i < count; i++) {
      entries.set(this.entries.subarray(i * before, (i + 1) * before), i * width)
    }
    this.entries = entries
    this.end = count * width
    for (let i = 0; i < this.spare.length; i++) this.spare[i] = (this.spare[i]! / before) * width
    for (let run = 0; run < this.rows.length; run++) {
      if (this.rows[run]! > 0) this.rows[run] = ((this.rows[run]! - 1) / before) * width + 1
    }
  }
}
