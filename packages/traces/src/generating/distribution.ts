import type { RandomStream } from '@routesim/core'
import { WeightedChoice, zipfWeights } from './weighted-choice.js'

/** How the numbers of a {@link Distribution} spread. */
export const DISTRIBUTION_KINDS = [
  'fixed',
  'uniform',
  'normal',
  'lognormal',
  'exponential',
  'geometric',
  'zipf',
  'empirical',
] as const

/** How numbers spread. */
export type DistributionKind = (typeof DISTRIBUTION_KINDS)[number]

/**
 * A distribution of lengths, times or counts; a number stands for itself. What each kind takes:
 * `fixed` value; `uniform` min, max (both included where whole numbers are drawn); `normal` and
 * `lognormal` mean, std; `exponential` mean; `geometric` (1, 2, 3...) mean; `zipf` (k in proportion to
 * k^-exponent, from min or 1 to max) exponent, max; `empirical` values, weights.
 *
 * `min` and `max` clip what any other kind draws. Normal numbers below the least that makes sense (1
 * token, 0 seconds) are drawn again, which shifts mean and deviation: mean 500, std 200 becomes 503.5
 * and 195.6. Lognormal ones have the mean and deviation asked for, by the moments
 * sigma^2 = ln(1 + std^2 / mean^2), mu = ln(mean) - sigma^2 / 2.
 */
export type Distribution = number | DistributionSpec

/** A {@link Distribution} that is not a single number. */
export interface DistributionSpec {
  readonly kind: DistributionKind
  readonly value?: number | undefined
  readonly mean?: number | undefined
  readonly std?: number | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly exponent?: number | undefined
  readonly values?: readonly number[] | undefined
  /** How often each value is drawn, in proportion; absent: all alike. */
  readonly weights?: readonly number[] | undefined
}

/** So that a prompt and an answer together fit 32 bits. */
const LONGEST_TOKENS = 0x3fffffff

/** Draws from a distribution; normal numbers below `least` are drawn again. */
export function sampler(
  distribution: Distribution,
  least: number,
  random: RandomStream,
): () => number {
  if (typeof distribution === 'number') return () => distribution
  const { kind, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = distribution
  const draw = unclipped(distribution, least, random)
  if (kind === 'uniform' || kind === 'zipf') return draw
  if (min === Number.NEGATIVE_INFINITY && max === Number.POSITIVE_INFINITY) return draw
  return () => Math.min(Math.max(draw(), min), max)
}

/** Draws whole numbers, most often lengths in tokens, at least `least`. */
export function tokenSampler(
  distribution: Distribution,
  random: RandomStream,
  least = 1,
): () => number {
  // Of a uniform distribution of whole numbers the ends are as likely as the others.
  const draw =
    typeof distribution === 'object' && distribution.kind === 'uniform'
      ? wholeUniform(distribution.min!, distribution.max!, random)
      : sampler(distribution, least, random)
  return () => Math.min(Math.max(Math.round(draw()), least), LONGEST_TOKENS)
}

function unclipped(d: DistributionSpec, least: number, random: RandomStream): () => number {
  const mean = d.mean!
  const std = d.std ?? 0
  switch (d.kind) {
    case 'fixed':
      return () => d.value!
    case 'uniform':
      return () => d.min! + (d.max! - d.min!) * random.float()
    case 'exponential':
      return () => random.exponential(mean)
    case 'geometric':
      return () => geometric(mean, random)
    case 'zipf': {
      const first = d.min ?? 1
      const choice = new WeightedChoice(zipfWeights(d.max! - first + 1, d.exponent!, first))
      return () => first + choice.draw(random)
    }
    case 'empirical': {
      const values = d.values!
      const choice = new WeightedChoice(d.weights ?? values.map(() => 1))
      return () => values[choice.draw(random)]!
    }
    case 'normal':
      if (std === 0) return () => mean
      return () => {
        let x = mean + std * random.normal()
        while (x < least) x = mean + std * random.normal()
        return x
      }
    case 'lognormal': {
      if (std === 0 || mean === 0) return () => mean
      const sigma2 = Math.log1p((std / mean) ** 2)
      const sigma = Math.sqrt(sigma2)
      const mu = Math.log(mean) - sigma2 / 2
      return () => Math.exp(mu + sigma * random.normal())
    }
  }
}

function wholeUniform(min: number, max: number, random: RandomStream): () => number {
  return () => min + Math.floor((max - min + 1) * random.float())
}

/** A draw from the geometric distribution on 1, 2, 3... with the given mean. */
function geometric(mean: number, random: RandomStream): number {
  const u = random.float()
  return mean === 1 ? 1 : 1 + Math.floor(Math.log1p(-u) / Math.log1p(-1 / mean))
}

/** A distribution of seconds as one of ms. */
export function inMs(distribution: Distribution): Distribution {
  if (typeof distribution === 'number') return distribution * 1000
  const { value, mean, std, min, max, values } = distribution
  return {
    ...distribution,
    ...(value !== undefined && { value: value * 1000 }),
    ...(mean !== undefined && { mean: mean * 1000 }),
    ...(std !== undefined && { std: std * 1000 }),
    ...(min !== undefined && { min: min * 1000 }),
    ...(max !== undefined && { max: max * 1000 }),
    ...(values !== undefined && { values: values.map((each) => each * 1000) }),
  }
}
