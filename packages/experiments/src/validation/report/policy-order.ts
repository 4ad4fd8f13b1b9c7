import type { ValidationRow } from './validation-row.js'

/** Whether two policies of one stage compare as they did in reality. */
export interface PolicyPair {
  readonly set: string
  readonly experiment: string
  readonly stage: string
  readonly metric: string
  /** The policy with the smaller measured value, and the other. */
  readonly smaller: string
  readonly larger: string
  /** Measured gap in percent of the smaller value. */
  readonly gapPercent: number
  readonly isRight: boolean
}

/** Metrics by which policies are compared. */
const COMPARED = new Set(['output_tok_s', 'ttft_mean_s', 'ttft_p90_s'])

/** Measured gaps below this part are noise of single runs. */
const LEAST_GAP_PERCENT = 10

/** Every pair of policies whose measured values differ by more than 10 %. */
export function policyPairs(rows: readonly ValidationRow[]): PolicyPair[] {
  const stages = new Map<string, ValidationRow[]>()
  for (const row of rows) {
    if (row.measured === null || !COMPARED.has(row.metric)) continue
    const key = JSON.stringify([row.set, row.experiment, row.stage, row.metric])
    const stage = stages.get(key)
    if (stage === undefined) stages.set(key, [row])
    else stage.push(row)
  }
  return [...stages.values()].flatMap((stage) =>
    stage.flatMap((a, i) => stage.slice(i + 1).flatMap((b) => pairOf(a, b))),
  )
}

function pairOf(a: ValidationRow, b: ValidationRow): PolicyPair[] {
  const [small, large] = a.measured! <= b.measured! ? [a, b] : [b, a]
  const gapPercent = 100 * (large.measured! / small.measured! - 1)
  if (!(gapPercent > LEAST_GAP_PERCENT)) return []
  const { set, experiment, stage, metric } = a
  return [
    {
      set,
      experiment,
      stage,
      metric,
      smaller: small.policy,
      larger: large.policy,
      gapPercent,
      isRight: small.predicted < large.predicted,
    },
  ]
}
