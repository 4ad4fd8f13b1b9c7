import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import { checkedQuantile } from '../statistics/checked-quantile.js'
import { HIGH_WORD, LOW_WORD } from '../statistics/float-words.js'
import { interpolate } from '../statistics/interpolate.js'

/** Buckets per octave are 2^8, so a bucket is at most 1/256 of its lower edge wide. */
const SUB_BUCKET_BITS = 8
/** What is left of the high word of a float64 once sign, exponent and sub-bucket are taken. */
const SHIFT = 20 - SUB_BUCKET_BITS
/** Values are placed as this times themselves: round ones (12.5) stand clear of bucket edges then. */
const NUDGE = 1 + 2 ** -32

/**
 * A histogram of non-negative numbers whose quantiles are within 0.4 % of the exact ones, whatever
 * their range: buckets are the leading bits of the float64 (exponent and 8 bits of mantissa), and a
 * bucket reports the mean of its values, so that one value, however often, is exact, and rounding at
 * the edge of a bucket does not show. Only below 2.3e-308, where floats themselves lose bits, it is
 * coarser. Count, sum, minimum, maximum and zeros are exact. Memory is 4 KB per factor of two
 * between the smallest and the largest value.
 *
 * The idea is HdrHistogram's, with the bucket taken from the bits of the number.
 *
 * @example
 * const gaps = new LogHistogram()
 * gaps.add(12.5, 99)
 * gaps.add(80)
 * gaps.max // => 80
 */
export class LogHistogram {
  private counts = new Float64Array(0)
  /** Of the values of each bucket, as long as `counts`. */
  private sums = new Float64Array(0)
  /** Bucket that `counts[0]` stands for. */
  private firstBucket = 0
  private zeros = 0
  private total = 0
  private weightedSum = 0
  private smallest = Number.NaN
  private largest = Number.NaN
  private readonly value = new Float64Array(1)
  private readonly words = new Uint32Array(this.value.buffer)

  /** Number of values, each as often as its weight says. */
  get count(): number {
    return this.total
  }

  get sum(): number {
    return this.weightedSum
  }

  /** Smallest value; NaN when there is none. */
  get min(): number {
    return this.smallest
  }

  /** Largest value; NaN when there is none. */
  get max(): number {
    return this.largest
  }

  /** Arithmetic mean; NaN when there is no value. */
  get mean(): number {
    return this.weightedSum / this.total
  }

  /** Standard deviation of the values, those of a bucket taken for their mean; NaN when there is no value. */
  get deviation(): number {
    const { mean, counts, sums } = this
    let squares = this.zeros * mean * mean
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!
      if (count > 0) squares += count * (sums[i]! / count - mean) ** 2
    }
    return Math.sqrt(squares / this.total)
  }

  /**
   * Counts a value.
   * @param value - finite, at least 0
   * @param weight - how often it occurred, an integer of at least 1
   * @throws RouteSimError `histogram_value_invalid`
   */
  add(value: number, weight = 1): void {
    this.addSum(value, weight, value * weight)
  }

  /** Counts `weight` values of the bucket of `value`, of which it is the first; `sum` is theirs. */
  private addSum(value: number, weight: number, sum: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY && weight >= 1)) refuse(value, weight)
    if (value === 0) this.zeros += weight
    else {
      this.value[0] = value * NUDGE
      const bucket = this.words[HIGH_WORD]! >>> SHIFT
      let index = bucket - this.firstBucket
      if (!(index >= 0 && index < this.counts.length)) {
        this.reserve(bucket, bucket + 1)
        index = bucket - this.firstBucket
      }
      this.counts[index]! += weight
      this.sums[index]! += sum
    }
    this.total += weight
    this.weightedSum += sum
    if (!(value >= this.smallest)) this.smallest = value
    if (!(value <= this.largest)) this.largest = value
  }

  /**
   * Counts `steps` values, the i-th (from 0) `base + i * slope`, each with a weight. The same as adding
   * them one by one, at a cost per bucket instead of per value.
   * @throws RouteSimError `histogram_value_invalid`
   */
  addSeries(base: number, slope: number, steps: number, weight: number): void {
    if (slope === 0) {
      this.add(base, weight * steps)
      return
    }
    let i = 0
    while (i < steps) {
      const value = base + i * slope
      const next = slope > 0 ? this.firstBeyond(value, base, slope, i, steps) : i + 1
      const count = next - i
      this.addSum(
        value,
        weight * count,
        weight * (value * count + slope * ((count * (count - 1)) / 2)),
      )
      i = next
    }
    const last = base + (steps - 1) * slope
    if (last > this.largest) this.largest = last
  }

  /** The first i after `from` whose value lies beyond the bucket of `value`; `steps` when none before does. */
  private firstBeyond(
    value: number,
    base: number,
    slope: number,
    from: number,
    steps: number,
  ): number {
    this.value[0] = value * NUDGE
    this.words[HIGH_WORD] = ((this.words[HIGH_WORD]! >>> SHIFT) + 1) << SHIFT
    this.words[LOW_WORD] = 0
    const edge = this.value[0]! / NUDGE
    // A slope may be no more than a rounding error: the estimate below would be beyond all integers.
    if (base + (steps - 1) * slope < edge) return steps
    let i = Math.max(from + 1, Math.ceil((edge - base) / slope))
    while (i > from + 1 && base + (i - 1) * slope >= edge) i--
    while (base + i * slope < edge) i++
    return i
  }

  /** Adds everything another histogram holds; the result is as if all values had been added here. */
  merge(other: LogHistogram): void {
    if (other.total === 0) return
    if (other.counts.length > 0) {
      this.reserve(other.firstBucket, other.firstBucket + other.counts.length)
      const offset = other.firstBucket - this.firstBucket
      for (let i = 0; i < other.counts.length; i++) {
        this.counts[offset + i]! += other.counts[i]!
        this.sums[offset + i]! += other.sums[i]!
      }
    }
    this.zeros += other.zeros
    this.total += other.total
    this.weightedSum += other.weightedSum
    if (!(other.smallest >= this.smallest)) this.smallest = other.smallest
    if (!(other.largest <= this.largest)) this.largest = other.largest
  }

  /**
   * The quantile by linear interpolation between order statistics, the definition of `percentile`;
   * NaN when there is no value.
   * @param q - 0 (minimum) to 1 (maximum)
   * @throws RouteSimError `quantile_invalid`
   */
  quantile(q: number): number {
    const rank = checkedQuantile(q) * (this.total - 1)
    if (this.total === 0) return Number.NaN
    return interpolate(this.valueAt(Math.floor(rank)), this.valueAt(Math.ceil(rank)), rank % 1)
  }

  /** The value at a position of the sorted values, as its bucket knows it. */
  private valueAt(rank: number): number {
    if (rank <= 0) return this.smallest
    if (rank >= this.total - 1) return this.largest
    let seen = this.zeros
    if (rank < seen) return 0
    let index = 0
    for (; index < this.counts.length; index++) {
      seen += this.counts[index]!
      if (rank < seen) break
    }
    const mean = this.sums[index]! / this.counts[index]!
    return Math.min(Math.max(mean, this.smallest), this.largest)
  }

  /** Makes `counts` and `sums` cover the buckets from `from` to `to` (exclusive), in whole octaves. */
  private reserve(from: number, to: number): void {
    const octave = 1 << SUB_BUCKET_BITS
    const empty = this.counts.length === 0
    const first = Math.floor((empty ? from : Math.min(from, this.firstBucket)) / octave) * octave
    const end = empty ? to : Math.max(to, this.firstBucket + this.counts.length)
    const length = Math.ceil((end - first) / octave) * octave
    const [counts, sums] = [new Float64Array(length), new Float64Array(length)]
    if (!empty) {
      counts.set(this.counts, this.firstBucket - first)
      sums.set(this.sums, this.firstBucket - first)
    }
    this.counts = counts
    this.sums = sums
    this.firstBucket = first
  }
}

function refuse(value: number, weight: number): never {
  throw new RouteSimError<MetricsErrorCode>(
    `histogram: expected a finite value >= 0 with a weight >= 1, got ${value} with weight ${weight}`,
    { code: 'histogram_value_invalid' },
  )
}
