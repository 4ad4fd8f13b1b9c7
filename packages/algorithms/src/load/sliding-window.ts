import { unrolled } from '../pickers/column.js'

/**
 * Sum and count of what was added within the last `spanMs`, exact to the entry, for one backend. An entry
 * leaves when its age reaches the span.
 *
 * `add`, `sum` and `count` are O(1) amortised, without allocation once grown.
 */
export class SlidingWindow {
  private readonly spanMs: number
  private times = new Float64Array(16)
  private values = new Float64Array(16)
  private head = 0
  private length = 0
  private total = 0

  /** @param spanMs - length of the window, above 0 */
  constructor(spanMs: number) {
    this.spanMs = spanMs
  }

  /** Adds an entry; times never go back. */
  add(nowMs: number, value: number): void {
    this.expire(nowMs)
    if (this.length === this.times.length) this.grow()
    const at = (this.head + this.length++) % this.times.length
    this.times[at] = nowMs
    this.values[at] = value
    this.total += value
  }

  /** Sum of the entries within the window. */
  sum(nowMs: number): number {
    this.expire(nowMs)
    return this.total
  }

  /** Number of entries within the window. */
  count(nowMs: number): number {
    this.expire(nowMs)
    return this.length
  }

  private expire(nowMs: number): void {
    while (this.length > 0 && nowMs - this.times[this.head]! >= this.spanMs) {
      this.total -= this.values[this.head]!
      this.head = (this.head + 1) % this.times.length
      this.length--
    }
    // What rounding has left of fractions does not outlive the entries.
    if (this.length === 0) this.total = 0
  }

  private grow(): void {
    const { head } = this
    const size = 2 * this.times.length
    this.times = unrolled(this.times, head, new Float64Array(size))
    this.values = unrolled(this.values, head, new Float64Array(size))
    this.head = 0
  }
}
