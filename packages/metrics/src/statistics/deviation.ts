import type { Extent } from './extent.js'

/** Standard deviation of all values of a column (divided by their number); NaN stands for an absent value. */
export function deviationOfColumn(column: Float64Array, { count, sum }: Extent): number {
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < column.length; i++) {
    const distance = column[i]! - mean
    if (!Number.isNaN(distance)) squares += distance * distance
  }
  return Math.sqrt(squares / count)
}
