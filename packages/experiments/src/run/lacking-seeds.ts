import type { AlgorithmSummary } from './simulate-all.js'

/** A result that was run under fewer seeds than those it competes with. */
export interface LackingSeeds {
  readonly algorithm: string
  /** What it competes in. */
  readonly contest: number | undefined
  /** Seeds under which others ran and it did not. */
  readonly missing: readonly number[]
}

/**
 * Finds results that can not be held against each other, as some of their seeds are missing: a run failed, was
 * stopped, or is not in the log.
 * @param contests - which results compete: those with equal entries, all of them by default
 */
export function lackingSeeds(
  results: readonly AlgorithmSummary[],
  contests: readonly number[] = [],
): LackingSeeds[] {
  const known = new Map<number | undefined, Set<number>>()
  for (const [i, result] of results.entries()) {
    const before = known.get(contests[i]) ?? []
    known.set(contests[i], new Set([...before, ...seedsOf(result)]))
  }
  return results.flatMap((result, i) => {
    const contest = contests[i]
    const own = seedsOf(result)
    const missing = [...known.get(contest)!].filter((seed) => !own.includes(seed))
    return missing.length === 0 ? [] : [{ algorithm: result.algorithm, contest, missing }]
  })
}

const MOST_NAMED = 3

/** Which results lack which seeds: `random without seed 43`; the first few of them. */
export function lackingSeedsText(lacking: readonly LackingSeeds[]): string {
  const each = lacking.map(
    ({ algorithm, missing }) =>
      `${algorithm} without ${missing.length === 1 ? 'seed' : 'seeds'} ${firstOf(missing, ', ')}`,
  )
  return firstOf([...new Set(each)], '; ')
}

function firstOf(items: readonly (string | number)[], separator: string): string {
  const more = items.length - MOST_NAMED
  const shown = items.slice(0, MOST_NAMED).join(separator)
  return more > 0 ? `${shown} and ${more} more` : shown
}

function seedsOf(result: AlgorithmSummary): readonly number[] {
  return 'seeds' in result ? result.seeds : [result.seed]
}
