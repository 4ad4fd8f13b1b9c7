/** A bend that lies less far from the chord than this share of the picture is none. */
const LEAST_BEND = 0.15
/** Latency that grows by less than this factor over all rates has no knee worth a word. */
const LEAST_GROWTH = 2

/**
 * Where a curve that rises ever more steeply bends most: the point farthest below the chord between
 * its ends, both axes scaled to 0..1 (the idea of Kneedle, Satopää et al. 2011). Undefined for fewer
 * than four points, or when nothing bends: the rates did not reach saturation, or all are beyond.
 *
 * @param rates - ascending
 * @returns index of the point
 *
 * @example
 * kneeOf([10, 20, 30, 40, 50], [100, 100, 110, 400, 2000]) // => 3
 */
export function kneeOf(
  rates: readonly number[],
  latencies: readonly (number | null)[],
): number | undefined {
  const points = rates.flatMap((rate, index) => {
    const latency = latencies[index]
    return latency === null || latency === undefined ? [] : [{ index, rate, latency }]
  })
  const first = points[0]
  const last = points.at(-1)
  if (points.length < 4 || first === undefined || last === undefined) return undefined
  const growth = last.latency - first.latency
  if (!(last.latency > LEAST_GROWTH * first.latency)) return undefined
  let knee: number | undefined
  let farthest = LEAST_BEND
  for (const { index, rate, latency } of points) {
    const below =
      (rate - first.rate) / (last.rate - first.rate) - (latency - first.latency) / growth
    if (below <= farthest) continue
    farthest = below
    knee = index
  }
  return knee
}
