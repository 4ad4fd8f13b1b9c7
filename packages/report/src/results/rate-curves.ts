import { type Figure, figureOf, labelOf, type ReportedResult } from './reported-result.js'

/** A result at a rate of arrivals, in requests per second. */
export interface RatePoint extends ReportedResult {
  readonly rate: number
}

/** The points of one algorithm, by rate. */
export interface RateCurve {
  readonly label: string
  readonly points: readonly RatePoint[]
}

/** Sorts the points of a sweep by algorithm, in the order in which these come first, then by rate. */
export function rateCurves(points: readonly RatePoint[]): RateCurve[] {
  const curves = new Map<string, RatePoint[]>()
  for (const point of points) {
    const label = labelOf(point)
    const curve = curves.get(label)
    if (curve === undefined) curves.set(label, [point])
    else curve.push(point)
  }
  return [...curves].map(([label, own]) => ({
    label,
    points: own.sort((a, b) => a.rate - b.rate),
  }))
}

/** One number of every point of a curve. */
export function figuresOf({ points }: RateCurve, path: string): Figure[] {
  return points.map(({ result }) => figureOf(result, path))
}
