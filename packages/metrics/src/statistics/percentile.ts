import { checkedQuantile } from './checked-quantile.js'
import { type Extent, extentOf } from './extent.js'
import { interpolate } from './interpolate.js'
import { orderStatistics } from './order-statistics.js'

/**
 * The exact quantile of a column by linear interpolation between order statistics (numpy's default
 * `linear`, type 7 of Hyndman and Fan 1996): position q·(n-1) of the n sorted values.
 * @param column - unchanged, in any order; NaN stands for an absent value and is left out
 * @param q - 0 (minimum) to 1 (maximum)
 * @returns NaN when no value is present
 * @throws RouteSimError `quantile_invalid`
 *
 * @example
 * percentile(Float64Array.of(40, 10, 30, 20), 0.5) // => 25
 */
export function percentile(column: Float64Array, q: number): number {
  return percentiles(column, [q])[0]!
}

/** Several quantiles of a column at once, in ascending order. */
export function percentiles(column: Float64Array, qs: readonly number[]): number[] {
  for (const q of qs) checkedQuantile(q)
  return percentilesWithin(column, extentOf(column), qs)
}

/** The same for a column whose extent is known, and quantiles from 0 to 1. */
export function percentilesWithin(
  column: Float64Array,
  extent: Extent,
  qs: readonly number[],
): number[] {
  const { count } = extent
  if (count === 0) return qs.map(() => Number.NaN)
  const positions = qs.map((q) => q * (count - 1))
  const ranks = positions.flatMap((position) => [Math.floor(position), Math.ceil(position)])
  const values = orderStatistics(column, extent, ranks)
  return positions.map((position, i) =>
    interpolate(values[2 * i]!, values[2 * i + 1]!, position % 1),
  )
}
