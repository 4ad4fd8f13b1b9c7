const STEEPEST = 8

/**
 * The exponent s with which popularity k^-s makes the counts most likely, by rank (maximum likelihood;
 * the derivative falls in s, so by bisection); 0 for fewer than two,
 * and where chance alone makes equally popular ones differ so much (chi-squared, at three deviations).
 */
export function zipfExponentOf(counts: readonly number[]): number {
  const ranked = [...counts].sort((a, b) => b - a)
  const total = ranked.reduce((sum, count) => sum + count, 0)
  if (ranked.length < 2 || total === 0) return 0
  if (isEven(ranked, total / ranked.length)) return 0
  const observed = ranked.reduce((sum, count, i) => sum + count * Math.log(i + 1), 0) / total
  let low = 0
  let high = STEEPEST
  if (expectedLogRank(ranked.length, low) <= observed) return 0
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (expectedLogRank(ranked.length, middle) > observed) low = middle
    else high = middle
  }
  return low
}

function isEven(counts: readonly number[], mean: number): boolean {
  const freedom = counts.length - 1
  const sum = counts.reduce((total, count) => total + (count - mean) ** 2 / mean, 0)
  return sum < freedom + 3 * Math.sqrt(2 * freedom)
}

function expectedLogRank(ranks: number, exponent: number): number {
  let weights = 0
  let sum = 0
  for (let k = 1; k <= ranks; k++) {
    const weight = k ** -exponent
    weights += weight
    sum += weight * Math.log(k)
  }
  return sum / weights
}

/** How often each value occurs, those below 0 aside. */
export function countsOf(values: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>()
  for (const value of values) if (value >= 0) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
