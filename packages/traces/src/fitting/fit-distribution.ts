import type { Distribution } from '../generating/distribution.js'
import { gammaCdf, normalCdf } from './cumulative.js'
import { rounded } from './rounded.js'

/** What is fitted, and how far it lies from what it was fitted to. */
interface Candidate {
  readonly distribution: Distribution
  readonly cdf: (x: number) => number
  readonly quantile99: number
}

/** Kolmogorov-Smirnov distance below which any named distribution will do. */
const CLOSE = 0.015
/** Factor of 1 / sqrt(n) that equal distributions exceed once in a hundred times. */
const CRITICAL = 1.63
/** Different values that are told one by one; a mean below which whole numbers are counts, not lengths. */
const FEW_VALUES = 32
/** Where an empirical distribution is cut; finer in the tail, which matters most to queues. */
const CUTS = cuts()

/**
 * The distribution that describes some values in the fewest words: one of a few named ones, if the
 * Kolmogorov-Smirnov distance, the mean and the 99th percentile allow it, otherwise an empirical one of
 * the means between 27 quantiles, to three digits.
 * @param values - at least one, which are put in order
 * @param isWhole - whether they are whole numbers, as lengths are
 */
export function fitDistribution(values: Float64Array, isWhole: boolean): Distribution {
  values.sort()
  const first = values[0]!
  const last = values[values.length - 1]!
  if (first === last) return isWhole ? first : rounded(first)
  const counts = new Map<number, number>()
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1)
    if (counts.size > FEW_VALUES) break
  }
  const best = bestNamed(values, isWhole)
  if (best !== undefined) return best
  return counts.size <= FEW_VALUES ? exact(counts, isWhole) : empirical(values, isWhole)
}

function bestNamed(values: Float64Array, isWhole: boolean): Distribution | undefined {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const p99 = values[Math.ceil(0.99 * values.length) - 1]!
  const allowed = Math.max(CLOSE, CRITICAL / Math.sqrt(values.length))
  let best: Distribution | undefined
  let least = allowed
  for (const { distribution, cdf, quantile99 } of candidates(values, mean, isWhole)) {
    const isTailRight = Math.abs(quantile99 - p99) <= 0.1 * p99 + 1
    const distance = isTailRight ? ksDistance(values, cdf, isWhole) : 1
    if (!(distance < least)) continue
    best = distribution
    least = distance
  }
  return best
}

function candidates(values: Float64Array, mean: number, isWhole: boolean): Candidate[] {
  const min = values[0]!
  const max = values[values.length - 1]!
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  const found: Candidate[] = [uniform(min, max, isWhole)]
  if (min >= 0) found.push(exponential(mean))
  if (isWhole && min >= 1 && mean > 1 && mean < FEW_VALUES) found.push(geometric(mean))
  if (mean - 3 * std > 0) {
    found.push({
      distribution: { kind: 'normal', mean: rounded(mean), std: rounded(std) },
      cdf: (x) => normalCdf((x - mean) / std),
      quantile99: mean + 2.3263 * std,
    })
  }
  if (min > 0) found.push(lognormal(values))
  return found
}

function uniform(min: number, max: number, isWhole: boolean): Candidate {
  const half = isWhole ? 0.5 : 0
  const [low, high] = [min - half, max + half]
  const ends = isWhole ? { min, max } : { min: rounded(min), max: rounded(max) }
  return {
    distribution: { kind: 'uniform', ...ends },
    cdf: (x) => Math.min(1, Math.max(0, (x - low) / (high - low))),
    quantile99: low + 0.99 * (high - low),
  }
}

function exponential(mean: number): Candidate {
  return {
    distribution: { kind: 'exponential', mean: rounded(mean) },
    cdf: (x) => gammaCdf(1, x / mean),
    quantile99: mean * Math.log(100),
  }
}

function geometric(mean: number): Candidate {
  const stay = 1 - 1 / mean
  return {
    distribution: { kind: 'geometric', mean: rounded(mean) },
    // At whole numbers and half, between which it does not change: from 0.5 on.
    cdf: (x) => 1 - stay ** Math.floor(x),
    quantile99: Math.ceil(Math.log(0.01) / Math.log(stay)),
  }
}

/** By the moments of the logarithms, which are its maximum of likelihood. */
function lognormal(values: Float64Array): Candidate {
  const count = values.length
  const mu = values.reduce((sum, value) => sum + Math.log(value), 0) / count
  const sigma2 = values.reduce((sum, value) => sum + (Math.log(value) - mu) ** 2, 0) / count
  const sigma = Math.sqrt(sigma2)
  const mean = Math.exp(mu + sigma2 / 2)
  const std = mean * Math.sqrt(Math.expm1(sigma2))
  return {
    distribution: { kind: 'lognormal', mean: rounded(mean), std: rounded(std) },
    cdf: (x) => (x <= 0 ? 0 : normalCdf((Math.log(x) - mu) / sigma)),
    quantile99: Math.exp(mu + 2.3263 * sigma),
  }
}

/** Largest distance of the distribution function of ordered values from another. */
export function ksDistance(
  values: Float64Array,
  cdf: (x: number) => number,
  isWhole = false,
): number {
  const count = values.length
  let largest = 0
  for (let i = 0; i < count; ) {
    let end = i + 1
    while (end < count && values[end] === values[i]) end++
    const value = values[i]!
    // A number drawn is rounded: those up to half above become it.
    const below = cdf(isWhole ? value - 0.5 : value)
    const upTo = cdf(isWhole ? value + 0.5 : value)
    largest = Math.max(largest, Math.abs(below - i / count), Math.abs(upTo - end / count))
    i = end
  }
  return largest
}

/** Whole lengths stay as they are: those of prefixes may be multiples of a block. */
function exact(counts: ReadonlyMap<number, number>, isWhole: boolean): Distribution {
  const entries = [...counts]
  const total = entries.reduce((sum, [, count]) => sum + count, 0)
  return {
    kind: 'empirical',
    values: entries.map(([value]) => (isWhole ? value : rounded(value))),
    weights: entries.map(([, count]) => rounded(count / total)),
  }
}

/** Equal values in a row become one, with the weight of all. */
function empirical(values: Float64Array, isWhole: boolean): Distribution {
  const found: number[] = []
  const weights: number[] = []
  let from = 0
  let share = 0
  for (const cut of CUTS) {
    const to = Math.round(cut * values.length)
    if (to === from) continue
    const mean = values.subarray(from, to).reduce((sum, value) => sum + value, 0) / (to - from)
    const value = isWhole ? Math.round(rounded(mean, 3)) : rounded(mean, 3)
    const weight = to / values.length - share
    if (found.at(-1) === value) weights[weights.length - 1]! += weight
    else {
      found.push(value)
      weights.push(weight)
    }
    from = to
    share = to / values.length
  }
  return { kind: 'empirical', values: found, weights: weights.map((each) => rounded(each)) }
}

function cuts(): number[] {
  const found: number[] = []
  for (let i = 1; i <= 18; i++) found.push(i / 20)
  for (let i = 46; i <= 49; i++) found.push(i / 50)
  for (let i = 0; i <= 4; i++) found.push(0.99 + i / 400)
  return found
}
