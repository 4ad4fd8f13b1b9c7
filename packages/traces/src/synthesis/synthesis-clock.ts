import { RandomStream } from '@routesim/core'

/**
 * Times of synthetic arrivals: how many requests share a time, and the gaps between times, drawn from
 * those of a trace. In whole ms, as the trace format has them.
 */
export class SynthesisClock {
  private readonly arrivalMs: Float64Array
  private readonly speedup: number
  private readonly random: RandomStream
  private readonly batches: number[] = []
  private readonly gaps: number[] = []
  private left = 0
  private nowMs = 0
  private isFirst = true

  constructor(arrivalMs: Float64Array, speedup: number, seed: number) {
    this.arrivalMs = arrivalMs
    this.speedup = speedup
    this.random = new RandomStream(seed, 'synthesis arrivals')
    let batch = 0
    for (let row = 0; row < arrivalMs.length; row++) {
      const gap = row === 0 ? 0 : arrivalMs[row]! - arrivalMs[row - 1]!
      if (gap > 0) {
        this.batches.push(batch)
        this.gaps.push(gap)
        batch = 0
      }
      batch++
    }
    this.batches.push(batch)
  }

  /** The next arrival, in ms. */
  next(): number {
    if (this.left === 0) {
      if (!this.isFirst && this.gaps.length > 0) {
        this.nowMs += this.gaps[this.random.integer(this.gaps.length)]! / this.speedup
      }
      this.isFirst = false
      this.left = this.batches[this.random.integer(this.batches.length)]!
    }
    this.left--
    return Math.round(this.nowMs)
  }

  /** The arrival of a row of the trace, in some pass over it, in ms. */
  follow(row: number, pass: number): number {
    const { arrivalMs, gaps } = this
    const first = arrivalMs[0]!
    const spanMs = arrivalMs[arrivalMs.length - 1]! - first
    const pauseMs = gaps.length === 0 ? 0 : spanMs / gaps.length
    return Math.round((arrivalMs[row]! - first + pass * (spanMs + pauseMs)) / this.speedup)
  }
}
