import { grown, unrolled } from '../pickers/column.js'

/**
 * How often something happened on each backend within the last `spanMs`, exact to the entry. An entry leaves when
 * its age reaches the span. One ring in order of time for all backends: amortised O(1), no allocation once grown.
 */
export class WindowCounts {
  /** By backend id, as of the last call of {@link expire}. */
  counts: Int32Array = new Int32Array(0)
  private readonly spanMs: number
  private times = new Float64Array(64)
  private backends = new Int32Array(64)
  private head = 0
  private length = 0

  /** @param spanMs - length of the window, above 0 */
  constructor(spanMs: number) {
    this.spanMs = spanMs
  }

  /** Makes room for a fleet, so that {@link counts} can be scanned. */
  reserve(size: number): void {
    if (size > this.counts.length) this.counts = grown(this.counts, new Int32Array(size))
  }

  /** It happened on a backend; times never go back. */
  add(backend: number, nowMs: number): void {
    this.reserve(backend + 1)
    this.expire(nowMs)
    if (this.length === this.times.length) this.grow()
    const at = (this.head + this.length++) & (this.times.length - 1)
    this.times[at] = nowMs
    this.backends[at] = backend
    this.counts[backend] = this.counts[backend]! + 1
  }

  /** Forgets what is too old by now. */
  expire(nowMs: number): void {
    const { times, backends, counts, spanMs } = this
    while (this.length > 0 && nowMs - times[this.head]! >= spanMs) {
      const backend = backends[this.head]!
      counts[backend] = counts[backend]! - 1
      this.head = (this.head + 1) & (times.length - 1)
      this.length--
    }
  }

  private grow(): void {
    const { head } = this
    const size = 2 * this.times.length
    this.times = unrolled(this.times, head, new Float64Array(size))
    this.backends = unrolled(this.backends, head, new Int32Array(size))
    this.head = 0
  }
}
