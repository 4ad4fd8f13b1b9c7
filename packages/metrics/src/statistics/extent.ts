/** What one pass over a column tells. */
export interface Extent {
  /** Values that are present. */
  readonly count: number
  readonly sum: number
  /** Infinity without values. */
  readonly min: number
  /** -Infinity without values. */
  readonly max: number
}

/** Count, sum and bounds of a column; NaN stands for an absent value. */
export function extentOf(column: Float64Array): Extent {
  let count = 0
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < column.length; i++) {
    const value = column[i]!
    if (Number.isNaN(value)) continue
    count++
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  return { count, sum, min, max }
}
