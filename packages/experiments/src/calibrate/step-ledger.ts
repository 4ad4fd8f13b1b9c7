import type { StepShape } from '@routesim/core'

/** Units of several terms in the steps of a backend, summed up to any time. */
export class StepLedger {
  /** Number of terms. */
  readonly terms: number
  private readonly unitsOf: readonly ((step: StepShape) => number)[]
  private readonly startMs: number[] = []
  private readonly endMs: number[] = []
  /** Sums before each step, a row of all terms each. */
  private readonly sums: number[] = []
  private readonly total: number[]

  constructor(unitsOf: readonly ((step: StepShape) => number)[]) {
    this.unitsOf = unitsOf
    this.terms = unitsOf.length
    this.total = unitsOf.map(() => 0)
  }

  /** Adds the next step. */
  add(startMs: number, durationMs: number, step: StepShape): void {
    this.startMs.push(startMs)
    this.endMs.push(startMs + durationMs)
    for (let i = 0; i < this.terms; i++) {
      this.sums.push(this.total[i]!)
      this.total[i]! += this.unitsOf[i]!(step)
    }
  }

  /** Writes the units between two times; of a step that only overlaps, its part. */
  between(fromMs: number, toMs: number, out: Float64Array): void {
    for (let i = 0; i < this.terms; i++) out[i] = this.upTo(toMs, i) - this.upTo(fromMs, i)
  }

  private upTo(timeMs: number, term: number): number {
    let low = -1
    let high = this.startMs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.startMs[middle]! <= timeMs) low = middle
      else high = middle - 1
    }
    if (low < 0) return 0
    const before = this.sums[low * this.terms + term]!
    const after = this.sums[(low + 1) * this.terms + term] ?? this.total[term]!
    const start = this.startMs[low]!
    const part = Math.min(1, (timeMs - start) / (this.endMs[low]! - start))
    return before + part * (after - before)
  }
}
