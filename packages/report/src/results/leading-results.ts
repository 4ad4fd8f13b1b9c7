import { figureOf, type ReportedResult } from './reported-result.js'

/** More colours than this can not be told apart. */
export const MOST_SERIES = 8

/**
 * The results that pictures show when there are too many for all: those with the smallest P99 of the
 * time to first token, in the order given.
 */
export function leadingResults<T extends ReportedResult>(results: readonly T[]): readonly T[] {
  if (results.length <= MOST_SERIES) return results
  const latency = ({ result }: T): number =>
    figureOf(result, 'ttft.p99').value ?? Number.POSITIVE_INFINITY
  const ranked = [...results].sort((a, b) => latency(a) - latency(b))
  const shown = new Set(ranked.slice(0, MOST_SERIES))
  return results.filter((result) => shown.has(result))
}
