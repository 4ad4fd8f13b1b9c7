import { mean } from '../mean.js'
import type { ValidationRow } from './validation-row.js'

/** How far the predictions of one metric are off in one experiment. */
export interface ErrorSummary {
  readonly set: string
  readonly experiment: string
  readonly policy: string
  readonly metric: string
  /** Rows with a measured value. */
  readonly count: number
  /** Mean absolute error in percent of the measured value. */
  readonly meanPercent: number
  readonly worstPercent: number
  /** Mean error with its sign. */
  readonly biasPercent: number
  /** Mean absolute error in the unit of the metric. */
  readonly meanDifference: number
}

/** Errors by set, experiment, policy and metric, in the order of the rows. */
export function errorSummaries(rows: readonly ValidationRow[]): ErrorSummary[] {
  const groups = new Map<string, ValidationRow[]>()
  for (const row of rows) {
    if (row.measured === null || row.measured === 0) continue
    const key = JSON.stringify([row.set, row.experiment, row.policy, row.metric])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return [...groups.values()].map((group) => {
    const { set, experiment, policy, metric } = group[0]!
    const errors = group.map((row) => errorPercent(row)!)
    const sizes = errors.map(Math.abs)
    return {
      set,
      experiment,
      policy,
      metric,
      count: group.length,
      meanPercent: mean(sizes),
      worstPercent: Math.max(...sizes),
      biasPercent: mean(errors),
      meanDifference: mean(group.map((row) => Math.abs(row.predicted - row.measured!))),
    }
  })
}

/** Error of a prediction in percent; undefined when nothing was measured. */
export function errorPercent({ predicted, measured }: ValidationRow): number | undefined {
  return measured === null || measured === 0 ? undefined : 100 * (predicted / measured - 1)
}
