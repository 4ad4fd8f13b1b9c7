import type { RandomStream } from '@routesim/core'
import type { ArrivalsSpec } from './arrivals-spec.js'

/**
 * Draws gaps between arrivals at a rate per ms.
 *
 * Gamma gaps have shape 1 / cv^2. Weibull gaps have the shape k that solves
 * cv^2 = Gamma(1 + 2/k) / Gamma(1 + 1/k)^2 - 1, and the scale mean / Gamma(1 + 1/k).
 */
export function gapSampler(
  { kind, cv = 1 }: ArrivalsSpec,
  random: RandomStream,
): (perMs: number) => number {
  if (kind === 'constant') return (perMs) => 1 / perMs
  if (kind === 'gamma') {
    const shape = 1 / (cv * cv)
    return (perMs) => random.gamma(shape, 1 / (perMs * shape))
  }
  if (kind === 'weibull') {
    const power = 1 / weibullShape(cv)
    const unit = Math.exp(-logGamma(1 + power))
    return (perMs) => (random.exponential(1) ** power * unit) / perMs
  }
  return (perMs) => random.exponential(1 / perMs)
}

/** The shape of a Weibull distribution with a coefficient of variation, by bisection. */
export function weibullShape(cv: number): number {
  let low = 0.05
  let high = 1000
  for (let i = 0; i < 100; i++) {
    const middle = Math.sqrt(low * high)
    const ratio = Math.exp(logGamma(1 + 2 / middle) - 2 * logGamma(1 + 1 / middle))
    if (ratio - 1 > cv * cv) low = middle
    else high = middle
  }
  return high
}

/** Logarithm of the gamma function for x > 0: Stirling's series, after shifting x to where it is exact. */
export function logGamma(x: number): number {
  let shift = 0
  let at = x
  for (; at < 12; at++) shift += Math.log(at)
  const inverse = 1 / at
  const square = inverse * inverse
  const series =
    inverse *
    (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
  return (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series - shift
}
