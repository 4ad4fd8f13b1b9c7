import type { ClusterView } from '@routesim/core'
import { grown } from '../pickers/column.js'

const NONE = -1

/** Who knows the time: a number that is handed over may be boxed. */
type Clock = Pick<ClusterView, 'nowMs'>

/** The requests whose turn it is in this instant, each with its backend and its uncached tokens there, by row. */
export class DualmapTurns {
  /** By backend: those whose turn it is there. */
  private counts = new Int32Array(0)
  private backends = new Int32Array(0)
  private uncached = new Float64Array(0)
  private times = new Float64Array(0)
  private readonly rows: number[] = []

  /** It is a request's turn. */
  call(row: number, backend: number, uncached: number, clock: Clock): void {
    this.forget(row)
    if (row >= this.backends.length) this.grow(Math.max(1024, 2 * (row + 1)))
    if (backend >= this.counts.length) {
      this.counts = grown(this.counts, new Int32Array(2 * (backend + 1)))
    }
    this.backends[row] = backend
    this.uncached[row] = uncached
    this.times[row] = clock.nowMs
    this.counts[backend] = this.counts[backend]! + 1
    this.rows.push(row)
  }

  /** The backend whose turn for a request is now, -1 for none. */
  backendOf(row: number, clock: Clock): number {
    const backend = this.backends[row] ?? NONE
    return backend !== NONE && this.times[row] === clock.nowMs ? backend : NONE
  }

  /** Uncached tokens of a request whose turn it is or was; 0 of others. */
  uncachedOf(row: number): number {
    return (this.backends[row] ?? NONE) === NONE ? 0 : this.uncached[row]!
  }

  /** Requests whose turn for a backend it is. */
  countOf(backend: number): number {
    return this.counts[backend] ?? 0
  }

  /** A request has had its turn. */
  forget(row: number): void {
    const backend = this.backends[row] ?? NONE
    if (backend === NONE) return
    this.backends[row] = NONE
    this.counts[backend] = this.counts[backend]! - 1
    const { rows } = this
    rows[rows.indexOf(row)] = rows[rows.length - 1]!
    rows.pop()
  }

  /** Turns before an instant are over. */
  expire({ nowMs }: Clock): void {
    const { rows } = this
    if (rows.length === 0) return
    for (let i = rows.length - 1; i >= 0; i--)
      if (this.times[rows[i]!]! < nowMs) this.forget(rows[i]!)
  }

  private grow(size: number): void {
    this.backends = grown(this.backends, new Int32Array(size).fill(NONE))
    this.uncached = grown(this.uncached, new Float64Array(size))
    this.times = grown(this.times, new Float64Array(size))
  }
}
