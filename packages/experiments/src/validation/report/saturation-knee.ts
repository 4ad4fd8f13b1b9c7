import type { ValidationRow } from './validation-row.js'

/** The first rate at which a policy saturates. */
export interface SaturationKnee {
  readonly set: string
  readonly experiment: string
  readonly policy: string
  /** First predicted stage above the limit; undefined when there is none. */
  readonly predicted: string | undefined
  /** First measured one; undefined when there is none or none was measured. */
  readonly measured: string | undefined
  /** Last measured stage before it that is not above the limit; undefined when there is none. */
  readonly measuredBelow: string | undefined
  /**
   * Stages by which the predicted one misses those that measurements leave possible: after
   * `measuredBelow`, up to `measured`. Undefined when neither was measured.
   */
  readonly stagesOff: number | undefined
}

/** Mean time to first token from which a stage is saturated, in seconds. */
const LIMIT_SEC = 2

/** First stage of each policy with a mean time to first token above 2 s, stages in the order of rows. */
export function saturationKnees(rows: readonly ValidationRow[]): SaturationKnee[] {
  const ladders = new Map<string, ValidationRow[]>()
  for (const row of rows) {
    const { set, experiment, policy, stage, metric } = row
    if (metric !== 'ttft_mean_s' || Number.isNaN(Number(stage))) continue
    const key = JSON.stringify([set, experiment, policy])
    const ladder = ladders.get(key)
    if (ladder === undefined) ladders.set(key, [row])
    else ladder.push(row)
  }
  return [...ladders.values()].map(kneeOf)
}

function kneeOf(ladder: readonly ValidationRow[]): SaturationKnee {
  const { set, experiment, policy } = ladder[0]!
  const predicted = ladder.findIndex((row) => row.predicted > LIMIT_SEC)
  const measured = ladder.findIndex((row) => row.measured !== null && row.measured > LIMIT_SEC)
  const before = measured < 0 ? ladder : ladder.slice(0, measured)
  const below = before.findLastIndex((row) => row.measured !== null)
  return {
    set,
    experiment,
    policy,
    predicted: ladder[predicted]?.stage,
    measured: ladder[measured]?.stage,
    measuredBelow: ladder[below]?.stage,
    stagesOff:
      measured < 0 && below < 0 ? undefined : stagesOff(ladder.length, predicted, below, measured),
  }
}

/** All by place in the ladder; a knee that is not on it (-1) comes after its end. */
function stagesOff(stages: number, predicted: number, below: number, measured: number): number {
  const knee = predicted < 0 ? stages : predicted
  const last = measured < 0 ? stages : measured
  return Math.max(0, below + 1 - knee, knee - last)
}
