/** One figure of a published experiment: what RouteSim predicts and, where it is known, what was measured. */
export interface ValidationRow {
  readonly set: string
  readonly experiment: string
  /** Routing policy, or how the prediction was made where nothing is routed. */
  readonly policy: string
  /** Rate, stage or point of the experiment. */
  readonly stage: string
  /** Name of the published column, with its unit. */
  readonly metric: string
  readonly predicted: number
  readonly measured: number | null
}

/** A row before its place is known: metrics by name. */
export type Metrics = Readonly<Record<string, number>>

/** Where rows belong. */
export interface ValidationPlace {
  readonly set: string
  readonly experiment: string
  readonly policy: string
  readonly stage: string
}

/** One row per predicted metric, beside what was measured. */
export function rowsOf(
  place: ValidationPlace,
  predicted: Metrics,
  measured: Readonly<Record<string, number | undefined>> = {},
): ValidationRow[] {
  return Object.entries(predicted).map(([metric, value]) => ({
    ...place,
    metric,
    predicted: value,
    measured: measured[metric] ?? null,
  }))
}
