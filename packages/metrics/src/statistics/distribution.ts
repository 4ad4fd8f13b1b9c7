import type { LogHistogram } from '../histogram/log-histogram.js'
import { deviationOfColumn } from './deviation.js'
import type { Extent } from './extent.js'
import { orNull } from './or-null.js'
import { percentilesWithin } from './percentile.js'

/** What is reported of a set of values, in their unit; null where there is no value. */
export interface Distribution {
  /** Number of values. */
  readonly count: number
  readonly p25: number | null
  readonly p50: number | null
  readonly p75: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  /** Standard deviation of all values, divided by their number. */
  readonly std: number | null
}

const QUANTILES = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99] as const

/** Exact statistics of a column whose extent is known; NaN stands for an absent value. */
export function distributionOfColumn(column: Float64Array, extent: Extent): Distribution {
  const { count, sum, min, max } = extent
  return distribution(count, percentilesWithin(column, extent, QUANTILES), {
    min,
    max,
    mean: sum / count,
    std: deviationOfColumn(column, extent),
  })
}

/** Statistics of a histogram; percentiles and deviation are within its error. */
export function distributionOfHistogram(histogram: LogHistogram): Distribution {
  const quantiles = QUANTILES.map((q) => histogram.quantile(q))
  const { count, min, max, mean, deviation: std } = histogram
  return distribution(count, quantiles, { min, max, mean, std })
}

function distribution(
  count: number,
  quantiles: readonly number[],
  { min, max, mean, std }: Record<'min' | 'max' | 'mean' | 'std', number>,
): Distribution {
  const [p25, p50, p75, p90, p95, p99] = quantiles.map(orNull)
  return {
    count,
    p25: p25!,
    p50: p50!,
    p75: p75!,
    p90: p90!,
    p95: p95!,
    p99: p99!,
    min: orNull(min),
    max: orNull(max),
    mean: orNull(mean),
    std: orNull(std),
  }
}
