import { logGamma } from '../generating/gap-sampler.js'

/** Share of standard normal numbers below `x`. */
export function normalCdf(x: number): number {
  const half = gammaCdf(0.5, (x * x) / 2) / 2
  return x < 0 ? 0.5 - half : 0.5 + half
}

/**
 * Share of gamma numbers of a shape and scale 1 that lie below `x`: the regularised incomplete gamma
 * function P(shape, x), by its power series where that converges quickly, else by the continued fraction
 * of its complement (Abramowitz and Stegun, 6.5.29 and 6.5.31).
 */
export function gammaCdf(shape: number, x: number): number {
  if (x <= 0) return 0
  const scale = Math.exp(shape * Math.log(x) - x - logGamma(shape))
  return x < shape + 1 ? scale * series(shape, x) : 1 - scale * fraction(shape, x)
}

function series(shape: number, x: number): number {
  let term = 1 / shape
  let sum = term
  for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) {
    term *= x / (shape + n)
    sum += term
  }
  return sum
}

/** From its tail inwards, which needs no guard against zero. */
function fraction(shape: number, x: number): number {
  let below = x
  for (let n = 400; n >= 1; n--) {
    below = x + (n - shape) / (1 + n / below)
  }
  return 1 / below
}
