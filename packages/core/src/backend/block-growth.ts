/**
 * When decoding requests need their next KV block. The residue of a request, (computed tokens - step
 * counter) mod block size, does not change while it decodes, and it needs a block in the step at whose
 * counter the sum of both is 0 mod block size. So counts per residue tell how many blocks k steps need.
 */
export class BlockGrowth {
  private readonly blockTokens: number
  private readonly counts: Int32Array
  private requests = 0

  constructor(blockTokens: number) {
    this.blockTokens = blockTokens
    this.counts = new Int32Array(blockTokens)
  }

  /** A request with so many computed tokens joins (+1) or leaves (-1) before the step `counter`. */
  change(computedTokens: number, counter: number, by: 1 | -1): void {
    const { blockTokens } = this
    const difference = (computedTokens % blockTokens) - (counter % blockTokens)
    const residue = difference < 0 ? difference + blockTokens : difference
    this.counts[residue] = this.counts[residue]! + by
    this.requests += by
  }

  /** Blocks needed in the k steps from `counter` on. */
  needed(counter: number, k: number): number {
    const { blockTokens, counts } = this
    const whole = Math.floor(k / blockTokens)
    let blocks = whole * this.requests
    let residue = this.dueAt(counter)
    for (let rest = k - whole * blockTokens; rest > 0; rest--) {
      blocks += counts[residue]!
      residue = residue === 0 ? blockTokens - 1 : residue - 1
    }
    return blocks
  }

  /** The first k >= 1 such that some request completes a block in the k-th step from `counter` on. */
  stepsToCompletion(counter: number): number {
    let residue = this.dueAt(counter)
    for (let k = 1; k <= this.blockTokens; k++) {
      residue = residue === 0 ? this.blockTokens - 1 : residue - 1
      if (this.counts[residue]! > 0) return k
    }
    return Number.POSITIVE_INFINITY
  }

  /** The residue of the requests that need a block in a step. Kept clear of -0, which V8 is slow at. */
  private dueAt(counter: number): number {
    const rest = counter % this.blockTokens
    return rest === 0 ? 0 : this.blockTokens - rest
  }
}
