import type { AlgorithmSummary } from './simulate-all.js'

/** A number of a result: of one run, or the mean over several with its 95 % interval. */
export interface MetricValue {
  /** In the unit of the metric; null when there is nothing to compute it from. */
  readonly value: number | null
  /** Half the width of the 95 % interval; null for a single run. */
  readonly ci95: number | null
}

/**
 * Reads a number of a result by its path, such as `ttft.p50`.
 *
 * @example
 * metric(result, 'ttft.p50').value
 */
export function metric(result: AlgorithmSummary, path: string): MetricValue {
  let found: unknown = result
  for (const key of path.split('.')) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined
  }
  if (typeof found === 'number') return { value: found, ci95: null }
  if (typeof found === 'object' && found !== null && 'mean' in found && 'ci95' in found) {
    return { value: found.mean as number | null, ci95: found.ci95 as number | null }
  }
  return { value: null, ci95: null }
}
