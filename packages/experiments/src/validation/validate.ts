import { closestName, RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { DataFolder } from './data/data-folder.js'
import { doksSet } from './doks/doks-set.js'
import { inferencePerfSet } from './inference-perf/inference-perf-set.js'
import { kubeAiSet } from './kubeai/kubeai-set.js'
import { llmdSet } from './llmd/llmd-set.js'
import { publishedRouting, publishedSteps, type ShippedSet } from './published/published-set.js'
import { type ErrorSummary, errorSummaries } from './report/error-summary.js'
import { type PolicyPair, policyPairs } from './report/policy-order.js'
import { type SaturationKnee, saturationKnees } from './report/saturation-knee.js'
import type { UnpredictedRow } from './report/unpredicted-row.js'
import type { ValidationRow } from './report/validation-row.js'
import { servingSimSet } from './serving-sim/serving-sim-set.js'
import { siliconSet } from './silicon/silicon-set.js'
import { splitwiseSet } from './splitwise/splitwise-set.js'
import type { PredictionOptions, PublishedRow, ValidationSet } from './validation-set.js'
import { vidurSet } from './vidur/vidur-set.js'
import { vtcSet } from './vtc/vtc-set.js'

const SHIPPED: readonly ShippedSet[] = [publishedSteps, publishedRouting]
const SETS: readonly ValidationSet[] = [
  llmdSet,
  kubeAiSet,
  doksSet,
  inferencePerfSet,
  servingSimSet,
  vtcSet,
  siliconSet,
  splitwiseSet,
  vidurSet,
]

/** What is checked against what. */
export interface ValidateOptions {
  /** Names of sets; all when absent or empty. */
  readonly sets?: readonly string[]
  /** Folder of published measurements; without it the figures that RouteSim ships are checked. */
  readonly dataFolder?: string
  /** Draws of random arrivals to average over. */
  readonly seeds?: number
  /** Time between two scrapes of load figures, in ms, for all policies that use them. */
  readonly signalIntervalMs?: number
  /** From a backend's state to the router beside that, in ms. */
  readonly signalDelayMs?: number
  /** Called before each set. */
  onSet?(name: string): void
}

/** Predictions beside measurements. */
export interface ValidationReport {
  /** One row per set, experiment, policy, stage and metric. */
  readonly rows: readonly ValidationRow[]
  /** Figures of the folder that are not predicted, with the reason. */
  readonly unpredicted: readonly UnpredictedRow[]
  readonly errors: readonly ErrorSummary[]
  /** Pairs of policies whose measured values differ by more than 10 %. */
  readonly pairs: readonly PolicyPair[]
  /** First stage of each policy with a mean time to first token above 2 s. */
  readonly knees: readonly SaturationKnee[]
}

const DEFAULT_SEEDS = 8

/**
 * Predicts published experiments and compares: every stage, policy and run whose inputs are defined,
 * whether or not a measured value is there.
 * @throws RouteSimError `set_unknown`, `data_unreadable`
 *
 * @example
 * validate({ sets: ['published-steps'] }).errors[0]?.meanPercent // below 5
 */
export function validate(options: ValidateOptions = {}): ValidationReport {
  const { dataFolder, seeds = DEFAULT_SEEDS, signalIntervalMs, signalDelayMs } = options
  const data = dataFolder === undefined ? undefined : new DataFolder(dataFolder)
  const known =
    data === undefined
      ? SHIPPED.map(({ name }) => name)
      : SETS.filter(({ name }) => data.has(name)).map(({ name }) => name)
  if (known.length === 0) throw noSets(dataFolder!)
  const wanted = options.sets === undefined || options.sets.length === 0 ? known : options.sets
  for (const name of wanted) if (!known.includes(name)) throw unknownSet(name, known, dataFolder)
  const prediction: PredictionOptions = {
    seeds,
    ...(signalIntervalMs === undefined && signalDelayMs === undefined
      ? {}
      : { signalAge: { intervalMs: signalIntervalMs ?? 0, delayMs: signalDelayMs ?? 0 } }),
  }
  const published = wanted.flatMap((name): PublishedRow[] => {
    options.onSet?.(name)
    const shipped = SHIPPED.find((set) => set.name === name)
    if (data === undefined) return shipped!.predict(prediction)
    return SETS.find((set) => set.name === name)!.predict(data, prediction)
  })
  const rows = published.filter((row) => 'predicted' in row)
  return {
    rows,
    unpredicted: published.filter((row) => 'reason' in row),
    errors: errorSummaries(rows),
    pairs: policyPairs(rows),
    knees: saturationKnees(rows),
  }
}

function noSets(folder: string): RouteSimError {
  const names = SETS.map(({ name }) => name).join(', ')
  return new RouteSimError<ExperimentsErrorCode>(
    `--data: ${folder}: expected a folder of at least one of ${names}, got none`,
    {
      code: 'data_unreadable',
      path: folder,
      hint: 'Give a folder with a subfolder per set of published measurements.',
    },
  )
}

function unknownSet(
  name: string,
  known: readonly string[],
  folder: string | undefined,
): RouteSimError {
  const near = closestName(name, known)
  const mend =
    near === undefined ? `expected one of ${known.join(', ') || 'none'}` : `did you mean "${near}"?`
  const where = folder === undefined ? 'shipped figures' : folder
  return new RouteSimError<ExperimentsErrorCode>(`${where}: unknown set "${name}"; ${mend}`, {
    code: 'set_unknown',
    path: name,
    hint:
      folder === undefined
        ? 'Sets of published measurements need --data DIR.'
        : 'Sets are the folders of the data that RouteSim can predict.',
  })
}
