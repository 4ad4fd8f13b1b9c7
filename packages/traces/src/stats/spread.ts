/** How a quantity is spread; quantiles are interpolated linearly, as NumPy does. */
export interface Spread {
  readonly count: number
  readonly mean: number
  /** Standard deviation of the population. */
  readonly sd: number
  readonly min: number
  readonly p25: number
  readonly median: number
  readonly p75: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** The spread of some values, which are put in order; all 0 when there are none. */
export function spreadOf(values: Float64Array): Spread {
  const count = values.length
  let mean = 0
  for (const value of values) mean += value / count
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2 / count
  values.sort()
  const at = (share: number): number => {
    if (count === 0) return 0
    const position = share * (count - 1)
    const low = Math.floor(position)
    const high = Math.min(low + 1, count - 1)
    return values[low]! + (values[high]! - values[low]!) * (position - low)
  }
  return {
    count,
    mean,
    sd: Math.sqrt(squares),
    min: at(0),
    p25: at(0.25),
    median: at(0.5),
    p75: at(0.75),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
  }
}
