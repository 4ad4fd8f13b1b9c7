import { grown, unrolled } from '../pickers/column.js'

/**
 * Tokens of what this router sent to each backend last, for routers that add to an old sample what they have sent
 * since. Amortised O(1), no allocation once grown.
 */
export class SentTokens {
  /** By backend: a ring of the tokens of what was sent. */
  private readonly rings: Float64Array[] = []
  private starts = new Int32Array(0)
  private counts = new Int32Array(0)
  private sums = new Float64Array(0)

  /** A request was sent to a backend. */
  add(backend: number, tokens: number): void {
    if (backend >= this.rings.length) this.reserve(backend + 1)
    const count = this.counts[backend]!
    if (count === this.rings[backend]!.length) this.grow(backend)
    const ring = this.rings[backend]!
    ring[(this.starts[backend]! + count) & (ring.length - 1)] = tokens
    this.counts[backend] = count + 1
    this.sums[backend] = this.sums[backend]! + tokens
  }

  /** Tokens of the last `count` requests sent to a backend; those before are forgotten. */
  lastOf(backend: number, count: number): number {
    if (backend >= this.rings.length) return 0
    if (this.counts[backend]! <= count) return this.sums[backend]!
    const ring = this.rings[backend]!
    while (this.counts[backend]! > count) {
      const start = this.starts[backend]!
      this.sums[backend] = this.sums[backend]! - ring[start]!
      this.starts[backend] = (start + 1) & (ring.length - 1)
      this.counts[backend] = this.counts[backend]! - 1
    }
    return this.sums[backend]!
  }

  private grow(backend: number): void {
    const ring = this.rings[backend]!
    const larger = new Float64Array(2 * ring.length)
    this.rings[backend] = unrolled(ring, this.starts[backend]!, larger)
    this.starts[backend] = 0
  }

  private reserve(size: number): void {
    while (this.rings.length < size) this.rings.push(new Float64Array(16))
    this.starts = grown(this.starts, new Int32Array(size))
    this.counts = grown(this.counts, new Int32Array(size))
    this.sums = grown(this.sums, new Float64Array(size))
  }
}
