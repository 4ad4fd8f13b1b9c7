import type { RandomStream } from '@routesim/core'

/** Draws numbers 0, 1, 2... in proportion to weights, in time that grows with the logarithm of their count. */
export class WeightedChoice {
  /** How many numbers there are. */
  readonly size: number
  private readonly cumulative: Float64Array

  constructor(weights: ArrayLike<number>) {
    this.size = weights.length
    this.cumulative = new Float64Array(weights.length)
    let total = 0
    for (let i = 0; i < weights.length; i++) {
      total += weights[i]!
      this.cumulative[i] = total
    }
  }

  draw(random: RandomStream): number {
    const { cumulative } = this
    let low = 0
    let high = cumulative.length - 1
    const target = random.float() * cumulative[high]!
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Weights in proportion to k^-exponent for k from `first` on. */
export function zipfWeights(count: number, exponent: number, first = 1): Float64Array {
  return new Float64Array(count).map((_, i) => (i + first) ** -exponent)
}
