import type { RandomStream } from '@routesim/core'

/** How lengths spread about their mean. */
export const LENGTH_DISTRIBUTIONS = ['lognormal', 'normal', 'fixed'] as const

/** A distribution of lengths in tokens. */
export type LengthDistribution = (typeof LENGTH_DISTRIBUTIONS)[number]

/** So that a prompt and an answer together fit 32 bits. */
const LONGEST = 0x3fffffff

/**
 * A source of lengths in whole tokens, at least 1 (all 0 for a mean of 0).
 *
 * Lognormal lengths have the mean and standard deviation asked for, by the moments
 * sigma^2 = ln(1 + std^2 / mean^2), mu = ln(mean) - sigma^2 / 2. Normal ones are drawn again when
 * they fall below 1, which shifts both: mean 500, std 200 becomes 503.5 and 195.6.
 */
export function lengthSampler(
  distribution: LengthDistribution,
  mean: number,
  std: number,
  random: RandomStream,
): () => number {
  if (mean === 0) return () => 0
  if (std === 0 || distribution === 'fixed') return () => toTokens(mean)
  if (distribution === 'normal') {
    return () => {
      let length = 0
      while (length < 1) length = mean + std * random.normal()
      return toTokens(length)
    }
  }
  const sigma2 = Math.log1p((std / mean) ** 2)
  const sigma = Math.sqrt(sigma2)
  const mu = Math.log(mean) - sigma2 / 2
  return () => toTokens(Math.exp(mu + sigma * random.normal()))
}

function toTokens(length: number): number {
  return Math.min(Math.max(Math.round(length), 1), LONGEST)
}
