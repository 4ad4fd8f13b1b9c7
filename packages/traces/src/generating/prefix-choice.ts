import { RandomStream } from '@routesim/core'
import { lengthSampler } from './length-distribution.js'
import type { ResolvedOptions } from './resolve-options.js'

/** A shared beginning of prompts: one content, so one length. */
interface Prefix {
  readonly name: string
  readonly tokens: number
}

/** Draws the prefix of each new prompt. */
export class PrefixChoice {
  private readonly prefixes: Prefix[]
  private readonly cumulative: Float64Array
  private readonly random: RandomStream

  constructor(options: ResolvedOptions) {
    const { seed, numPrefixes, prefixLenMean, prefixLenStd, lengthDistribution } = options
    const lengths = new RandomStream(seed, 'prefix-lengths')
    const length = lengthSampler(lengthDistribution, prefixLenMean, prefixLenStd, lengths)
    this.prefixes = Array.from({ length: numPrefixes }, (_, i) => ({
      name: `p${i}`,
      tokens: length(),
    }))
    this.random = new RandomStream(seed, 'prefixes')
    const exponent = options.prefixPopularity === 'zipf' ? options.zipfExponent : 0
    this.cumulative = new Float64Array(numPrefixes)
    let total = 0
    for (let i = 0; i < numPrefixes; i++) {
      total += (i + 1) ** -exponent
      this.cumulative[i] = total
    }
  }

  /** The next prefix, `undefined` when there are none. */
  next(): Prefix | undefined {
    const last = this.cumulative.length - 1
    if (last < 0) return undefined
    const target = this.random.float() * this.cumulative[last]!
    let low = 0
    let high = last
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return this.prefixes[low]
  }
}
