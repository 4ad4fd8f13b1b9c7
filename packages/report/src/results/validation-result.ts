/** One figure of a published experiment: what was predicted and, where it is known, measured. */
export interface PredictedFigure {
  readonly set: string
  readonly experiment: string
  readonly policy: string
  readonly stage: string
  /** Name of the published column, with its unit. */
  readonly metric: string
  readonly predicted: number
  readonly measured: number | null
}
