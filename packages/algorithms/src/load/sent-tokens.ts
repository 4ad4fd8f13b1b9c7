/**
 * Tokens of what this router sent to each backend last, for routers that add to an old sample what they have sent
 * since. Amortised O(1).
 */
export class SentTokens {
  /** By backend: tokens of what was sent, the oldest first, from `starts` on. */
  private readonly amounts: number[][] = []
  private readonly starts: number[] = []
  private readonly sums: number[] = []

  /** A request was sent to a backend. */
  add(backend: number, tokens: number): void {
    while (this.amounts.length <= backend) {
      this.amounts.push([])
      this.starts.push(0)
      this.sums.push(0)
    }
    this.amounts[backend]!.push(tokens)
    this.sums[backend]! += tokens
  }

  /** Tokens of the last `count` requests sent to a backend; those before are forgotten. */
  lastOf(backend: number, count: number): number {
    const amounts = this.amounts[backend]
    if (amounts === undefined) return 0
    let start = this.starts[backend]!
    if (amounts.length - start > count) {
      for (; amounts.length - start > count; start++) this.sums[backend]! -= amounts[start]!
      // Half of it forgotten: what is left moves down, each amount once for each that was forgotten.
      if (2 * start >= amounts.length) {
        amounts.splice(0, start)
        start = 0
      }
      this.starts[backend] = start
    }
    return this.sums[backend]!
  }
}
