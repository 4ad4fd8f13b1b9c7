import type { ValidationPlace } from './validation-row.js'

/** A published figure that RouteSim does not predict, and why. */
export interface UnpredictedRow extends ValidationPlace {
  /** Name of the published column; `any` where no value is there. */
  readonly metric: string
  readonly measured: number | null
  /** What would have to be known or simulated. */
  readonly reason: string
}

/** One row per measured value of a place; a single one where nothing was measured. */
export function unpredicted(
  place: ValidationPlace,
  reason: string,
  measured: Readonly<Record<string, number | undefined>> = {},
): UnpredictedRow[] {
  const values = Object.entries(measured).filter(([, value]) => value !== undefined)
  if (values.length === 0) return [{ ...place, metric: 'any', measured: null, reason }]
  return values.map(([metric, value]) => ({ ...place, metric, measured: value!, reason }))
}
