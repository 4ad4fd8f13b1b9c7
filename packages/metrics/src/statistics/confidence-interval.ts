import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import { studentT } from './student-t.js'

/** A mean and how sure it is. */
export interface ConfidenceInterval {
  /** Number of values, those left out not counted. */
  readonly n: number
  /** Null when there is no value. */
  readonly mean: number | null
  /** The interval is mean ± halfWidth; null with fewer than two values. */
  readonly halfWidth: number | null
}

/**
 * Mean of independent values, those that are not finite left out as absent, with its two-sided Student-t confidence
 * interval.
 * @param level - probability that such an interval holds the true mean, between 0 and 1 exclusive
 * @throws RouteSimError `level_invalid`
 *
 * @example
 * confidenceInterval([9, 10, 11]).mean // => 10
 */
export function confidenceInterval(values: readonly number[], level = 0.95): ConfidenceInterval {
  if (!(level > 0 && level < 1)) {
    throw new RouteSimError<MetricsErrorCode>(
      `confidence level: expected a number between 0 and 1, got ${level}`,
      { code: 'level_invalid' },
    )
  }
  const present = values.filter(Number.isFinite)
  const n = present.length
  if (n === 0) return { n, mean: null, halfWidth: null }
  // Shifted by the first value: equal values then have a spread of exactly 0.
  const origin = present[0]!
  const mean = origin + present.reduce((sum, value) => sum + (value - origin), 0) / n
  if (n === 1) return { n, mean, halfWidth: null }
  const squares = present.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const standardError = Math.sqrt(squares / (n - 1) / n)
  return { n, mean, halfWidth: studentT(level, n - 1) * standardError }
}
