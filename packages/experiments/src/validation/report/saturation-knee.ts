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
}

const LIMIT_SEC = 2

/** First stage of each policy with a mean time to first token above 2 s, stages in the order of rows. */
export function saturationKnees(rows: readonly ValidationRow[]): SaturationKnee[] {
  const knees = new Map<string, { -readonly [K in keyof SaturationKnee]: SaturationKnee[K] }>()
  for (const { set, experiment, policy, stage, metric, predicted, measured } of rows) {
    if (metric !== 'ttft_mean_s' || Number.isNaN(Number(stage))) continue
    const key = JSON.stringify([set, experiment, policy])
    const knee = knees.get(key) ?? {
      set,
      experiment,
      policy,
      predicted: undefined,
      measured: undefined,
    }
    knees.set(key, knee)
    if (predicted > LIMIT_SEC) knee.predicted ??= stage
    if (measured !== null && measured > LIMIT_SEC) knee.measured ??= stage
  }
  return [...knees.values()]
}
