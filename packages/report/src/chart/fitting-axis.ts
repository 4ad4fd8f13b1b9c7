import type { Axis, Unit } from './chart.js'

/** Values that differ by more than this factor are easier to read on a logarithmic axis. */
const WIDE = 20

/** An axis for values: logarithmic, with bounds, when they are all above 0 and lie far apart. */
export function fittingAxis(title: string, unit: Unit, values: readonly (number | null)[]): Axis {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value === null) continue
    if (value < least) least = value
    if (value > most) most = value
  }
  return least > 0 && most / least > WIDE
    ? { title, unit, scale: 'log', min: least, max: most }
    : { title, unit, scale: 'linear', min: 0 }
}
