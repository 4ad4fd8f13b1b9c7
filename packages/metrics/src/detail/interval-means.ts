/** Mean of a step function over each of several intervals of one length that follow one another. */
export class IntervalMeans {
  private readonly fromMs: number
  private readonly intervalMs: number
  /** Time covered within the interval itself. */
  private readonly partial: Float64Array
  /** Changes of the number that covers whole intervals. */
  private readonly changes: Float64Array

  /** Intervals begin at `fromMs` and are `intervalMs` long. */
  constructor(fromMs: number, intervalMs: number, count: number) {
    this.fromMs = fromMs
    this.intervalMs = intervalMs
    this.partial = new Float64Array(count)
    this.changes = new Float64Array(count + 1)
  }

  /** Raises the function by 1 from one time to another; NaN or an empty span adds nothing. */
  add(startMs: number, endMs: number): void {
    const { fromMs, intervalMs, partial, changes } = this
    const count = partial.length
    const start = Math.max(startMs - fromMs, 0)
    const end = Math.min(endMs - fromMs, count * intervalMs)
    if (!(end > start)) return
    const first = Math.min(count - 1, Math.floor(start / intervalMs))
    const last = Math.min(count - 1, Math.floor(end / intervalMs))
    if (first === last) {
      partial[first]! += end - start
      return
    }
    partial[first]! += (first + 1) * intervalMs - start
    partial[last]! += end - last * intervalMs
    changes[first + 1]!++
    changes[last]!--
  }

  /** The means, one per interval. */
  means(): number[] {
    let whole = 0
    return Array.from(this.partial, (time, i) => {
      whole += this.changes[i]!
      return whole + time / this.intervalMs
    })
  }
}
