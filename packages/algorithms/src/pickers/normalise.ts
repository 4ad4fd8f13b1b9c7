/**
 * Puts the values of some backends on a scale from 0 (the least) to 1 (the most); all equal give `ifEqual`.
 * Reads and writes columns indexed by id; `out` may be `values`. O(ids).
 *
 * @example
 * const out = new Float64Array(3)
 * normaliseMinMax([4, 8, 5], [0, 1, 2], 1, out)
 * Array.from(out) // => [0, 1, 0.25]
 */
export function normaliseMinMax(
  values: ArrayLike<number>,
  ids: ArrayLike<number>,
  ifEqual: number,
  out: Float64Array,
): void {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < ids.length; i++) {
    const value = values[ids[i]!]!
    if (value < least) least = value
    if (value > most) most = value
  }
  const range = most - least
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    out[id] = range > 0 ? (values[id]! - least) / range : ifEqual
  }
}
