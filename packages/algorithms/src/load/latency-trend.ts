import { unrolled } from '../pickers/column.js'

/**
 * Latencies of the last `windowMs` by place, to tell whether those of one place have risen: whether the mean of the
 * later half of the window is at least so many times that of the earlier.
 *
 * `add` is O(1) amortised, `hasRisen` O(entries of the window).
 *
 * Source: the detector of overload of WukLab/preble, preble/ttft_overload_detector.py.
 */
export class LatencyTrend {
  private readonly windowMs: number
  private times = new Float64Array(64)
  private places = new Int32Array(64)
  private backends = new Int32Array(64)
  private latencies = new Float64Array(64)
  private head = 0
  private length = 0
  /** By place and backend: what is before no longer counts. */
  private readonly resets = new Map<number, number>()

  /** @param windowMs - length of the window, above 0 */
  constructor(windowMs: number) {
    this.windowMs = windowMs
  }

  /** Adds a latency in ms; times never go back. */
  add(nowMs: number, place: number, backend: number, latencyMs: number): void {
    this.expire(nowMs)
    if (this.length === this.times.length) this.grow()
    const at = (this.head + this.length++) & (this.times.length - 1)
    this.times[at] = nowMs
    this.places[at] = place
    this.backends[at] = backend
    this.latencies[at] = latencyMs
  }

  /**
   * Whether the later half of the window has at least `factor` times the mean of the earlier; false without both.
   * @param fromMs - what is before does not count
   */
  hasRisen(nowMs: number, place: number, backend: number, factor: number, fromMs = 0): boolean {
    this.expire(nowMs)
    const sinceMs = Math.max(fromMs, this.resets.get(keyOf(place, backend)) ?? 0)
    const middleMs = nowMs - this.windowMs / 2
    const { backends, head, latencies, length, places, times } = this
    const mask = times.length - 1
    let [early, earlyCount, late, lateCount] = [0, 0, 0, 0]
    for (let i = 0; i < length; i++) {
      const at = (head + i) & mask
      if (places[at] !== place || backends[at] !== backend) continue
      const ms = times[at]!
      if (ms < sinceMs) continue
      if (ms < middleMs) {
        early += latencies[at]!
        earlyCount++
      } else {
        late += latencies[at]!
        lateCount++
      }
    }
    return earlyCount > 0 && lateCount > 0 && late / lateCount >= factor * (early / earlyCount)
  }

  /** Forgets what was seen of a place on a backend. */
  reset(nowMs: number, place: number, backend: number): void {
    this.resets.set(keyOf(place, backend), nowMs)
  }

  private expire(nowMs: number): void {
    while (this.length > 0 && nowMs - this.times[this.head]! >= this.windowMs) {
      this.head = (this.head + 1) & (this.times.length - 1)
      this.length--
    }
  }

  private grow(): void {
    const { head } = this
    const size = 2 * this.times.length
    this.times = unrolled(this.times, head, new Float64Array(size))
    this.places = unrolled(this.places, head, new Int32Array(size))
    this.backends = unrolled(this.backends, head, new Int32Array(size))
    this.latencies = unrolled(this.latencies, head, new Float64Array(size))
    this.head = 0
  }
}

function keyOf(place: number, backend: number): number {
  return place * 2 ** 20 + backend
}
