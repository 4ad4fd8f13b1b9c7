/** Mean, deviation and coefficient of variation of samples. */
export function moments(values: Iterable<number>): { mean: number; std: number; cv: number } {
  const list = [...values]
  const mean = list.reduce((sum, x) => sum + x, 0) / list.length
  const std = Math.sqrt(list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / list.length)
  return { mean, std, cv: std / mean }
}

/** Kolmogorov-Smirnov distance of samples to a distribution. */
export function ksDistance(samples: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted.reduce((worst, x, i) => {
    const p = cdf(x)
    return Math.max(worst, p - i / sorted.length, (i + 1) / sorted.length - p)
  }, 0)
}

/** The distance that samples of the distribution itself exceed once in a hundred times. */
export function ksLimit(count: number): number {
  return 1.63 / Math.sqrt(count)
}

/** Gaps between times in order, the first from 0. */
export function gapsOf(times: ArrayLike<number>): number[] {
  return Array.from(times, (t, i) => t - (i === 0 ? 0 : times[i - 1]!))
}
