/** A point whose `x` should be large and whose `y` should be small. */
interface Point {
  readonly x: number | null
  readonly y: number | null
}

/** The points that no other beats on both axes, by rising `x`. */
export function paretoFront<T extends Point>(
  points: readonly T[],
): (T & { readonly x: number; readonly y: number })[] {
  const known = points.filter(
    (point): point is T & { x: number; y: number } => point.x !== null && point.y !== null,
  )
  const ranked = known.sort((a, b) => b.x - a.x || a.y - b.y)
  let lowest = Number.POSITIVE_INFINITY
  const front = ranked.filter(({ y }) => {
    if (y >= lowest) return false
    lowest = y
    return true
  })
  return front.reverse()
}
