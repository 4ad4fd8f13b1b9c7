import { RandomStream } from '@routesim/core'
import type { NamePool } from '../columns/name-pool.js'
import { lengthSampler } from './length-distribution.js'
import type { ResolvedOptions } from './resolve-options.js'

/** What {@link PrefixChoice.next} answers when there are no prefixes. */
export const NO_PREFIX = -1

/**
 * Draws the prefix of each new prompt: a shared beginning, which is one content and so has one length.
 * Prefixes are numbers.
 */
export class PrefixChoice {
  private readonly lengths: Int32Array
  private readonly names: NamePool
  /** Their numbers in the pool, -1 before the first use. */
  private readonly nameIds: Int32Array
  private readonly cumulative: Float64Array
  private readonly random: RandomStream

  constructor(options: ResolvedOptions, names: NamePool) {
    const { seed, numPrefixes, prefixLenMean, prefixLenStd, lengthDistribution } = options
    const stream = new RandomStream(seed, 'prefix-lengths')
    const length = lengthSampler(lengthDistribution, prefixLenMean, prefixLenStd, stream)
    this.lengths = new Int32Array(numPrefixes).map(() => length())
    this.names = names
    this.nameIds = new Int32Array(numPrefixes).fill(-1)
    this.random = new RandomStream(seed, 'prefixes')
    const exponent = options.prefixPopularity === 'zipf' ? options.zipfExponent : 0
    this.cumulative = new Float64Array(numPrefixes)
    let total = 0
    for (let i = 0; i < numPrefixes; i++) {
      total += (i + 1) ** -exponent
      this.cumulative[i] = total
    }
  }

  /** The next prefix, {@link NO_PREFIX} when there are none. */
  next(): number {
    const last = this.cumulative.length - 1
    if (last < 0) return NO_PREFIX
    const target = this.random.float() * this.cumulative[last]!
    let low = 0
    let high = last
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return low
  }

  tokens(prefix: number): number {
    return this.lengths[prefix]!
  }

  /** Its name, as a number of the pool. */
  name(prefix: number): number {
    let id = this.nameIds[prefix]!
    if (id < 0) {
      id = this.names.ofString(`p${prefix}`)
      this.nameIds[prefix] = id
    }
    return id
  }
}
