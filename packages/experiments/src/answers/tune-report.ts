import type { ScenarioInfo } from '../run/scenario.js'
import type { Setting } from '../sweep/design.js'
import type { JudgedMetric } from './judged-metrics.js'
import type { PairedDifference } from './paired-difference.js'

/** A parameter that was tuned. */
export interface TunedParameter {
  readonly name: string
  readonly before: Setting
  readonly tuned: Setting
  /** Where it was sought. */
  readonly range: string
  /** Whether the best lies at an end of the range, and the parameter may be beyond it. */
  readonly is_at_end: boolean
}

/** How much a parameter matters, all others at their best, on the traffic that was searched in. */
export interface ParameterSensitivity {
  readonly name: string
  /** Ascending where they are numbers. */
  readonly tried: readonly {
    readonly value: Setting
    /** In the unit of the objective; null when nothing was there to measure. */
    readonly objective: number | null
    /** Whether a bound is broken. */
    readonly breaks: boolean
  }[]
  /** From the best to the worst of these, relative to the best; null when that is 0, or there are not two. */
  readonly effect: number | null
}

/** What {@link tune} found. */
export interface TuneReport {
  readonly scenario: ScenarioInfo
  /** What was tuned, as results call it. */
  readonly algorithm: string
  readonly objective: JudgedMetric
  readonly subject_to: readonly string[]
  readonly parameters: readonly TunedParameter[]
  /** The tuned algorithm, as after `-a`. */
  readonly spec: string
  /** On the traffic that was searched in. */
  readonly training: {
    readonly requests: number
    readonly before: number | null
    readonly tuned: number | null
  }
  /** On traffic that the search has not seen. */
  readonly held_out: {
    readonly pairs: 'seeds' | 'windows'
    /** Measured ones, of all seeds or windows. */
    readonly requests: number
    /** On all of it. */
    readonly before: number | null
    readonly tuned: number | null
    /** Over the pairs; undefined when the objective could not be measured. */
    readonly gain: PairedDifference | undefined
    /** Bounds that are broken on all of it. */
    readonly broken: readonly string[]
  }
  /** By falling effect. */
  readonly sensitivity: readonly ParameterSensitivity[]
  /** Every point, in the order in which they were tried. */
  readonly tried: readonly {
    readonly stage: 'halving' | 'local' | 'sensitivity'
    readonly share: number
    readonly parameters: Readonly<Record<string, Setting>>
    readonly objective: number | null
    readonly breaks: boolean
  }[]
  /** Simulations that were run. */
  readonly runs: number
  /** Plain sentences. */
  readonly verdict: readonly string[]
}
