/**
 * Experts that a batch is expected to touch on one rank: of `count` experts, each token visits each
 * with probability `share`, so count · (1 - (1 - share)^tokens).
 */
export function expectedDistinct(count: number, share: number, tokens: number): number {
  return count * (1 - (1 - share) ** tokens)
}

/**
 * Visits that the busiest of several ranks gets when visits fall on them at random: the mean and, by
 * the extreme values of normal variables, sqrt(2 · mean · ln ranks) more; never more than all of them.
 */
export function expectedLargest(visits: number, ranks: number): number {
  const mean = visits / ranks
  return Math.min(visits, mean + Math.sqrt(2 * mean * Math.log(ranks)))
}
