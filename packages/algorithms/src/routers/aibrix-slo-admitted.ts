import { grown } from '../pickers/column.js'

const NOWHERE = -1

/** The requests that take part of a backend, by row. All operations are O(1), without allocation once grown. */
export class SloAdmitted {
  private backends = new Int32Array(0)
  private shares = new Float64Array(0)
  private times = new Float64Array(0)

  /** A request takes part of a backend. */
  add(row: number, backend: number, share: number, atMs: number): void {
    if (row >= this.backends.length) {
      const size = Math.max(1024, 2 * (row + 1))
      this.backends = grown(this.backends, new Int32Array(size).fill(NOWHERE))
      this.shares = grown(this.shares, new Float64Array(size))
      this.times = grown(this.times, new Float64Array(size))
    }
    this.backends[row] = backend
    this.shares[row] = share
    this.times[row] = atMs
  }

  /** The backend that a request takes part of, -1 for none. */
  backendOf(row: number): number {
    return row < this.backends.length ? this.backends[row]! : NOWHERE
  }

  /** The part that an admitted request takes. */
  shareOf(row: number): number {
    return this.shares[row]!
  }

  /** When an admitted request was admitted, in ms. */
  admittedMs(row: number): number {
    return this.times[row]!
  }

  /** A request takes nothing any more. */
  remove(row: number): void {
    this.backends[row] = NOWHERE
  }
}
