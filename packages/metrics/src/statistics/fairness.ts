/**
 * Jain's fairness index (Σx)² / (n·Σx²): 1 when all shares are equal, 1/n when one has everything
 * (Jain, Chiu and Hawe, DEC-TR-301, 1984). NaN when there is nothing to share.
 */
export function jainsIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return (sum * sum) / (shares.length * squares)
}

/** Population standard deviation over mean; NaN when there is nothing to share. */
export function coefficientOfVariation(shares: readonly number[]): number {
  const mean = shares.reduce((total, share) => total + share, 0) / shares.length
  const squares = shares.reduce((total, share) => total + (share - mean) ** 2, 0)
  return Math.sqrt(squares / shares.length) / mean
}

/**
 * Gini coefficient: half the mean difference of two shares over their mean, 0 when all are equal. NaN
 * when there is nothing to share.
 */
export function giniCoefficient(shares: readonly number[]): number {
  const sorted = [...shares].sort((a, b) => a - b)
  const n = sorted.length
  const sum = sorted.reduce((total, share) => total + share, 0)
  const ranked = sorted.reduce((total, share, i) => total + (2 * i - n + 1) * share, 0)
  return ranked / (n * sum)
}
