import { RouteSimError } from '@routesim/core'
import type { SloTargets } from '@routesim/metrics'
import { type ConfigFile, configFiles } from '../config/config-files.js'
import type { ConfigSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import type { RunScenario } from '../parallel/execute-runs.js'
import { type AlgorithmChoice, resolveAlgorithms } from '../run/resolve-algorithms.js'
import { checkConcurrency, visibilitiesOf, withConcurrency, withTargets } from '../run/scenario.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import type { Settings } from './design.js'
import { type PointKeys, pointKeys } from './point-key.js'
import type { TrafficStore } from './traffic.js'

/** One run of a sweep: a point under one seed. */
export interface SweepRun extends PointKeys {
  readonly settings: Settings
  readonly rate: number | undefined
  /** Index of the algorithm, and what results call it. */
  readonly algorithm: number
  readonly label: string
  readonly seed: number
  /** What it is made of, or why it can not be made. */
  readonly made:
    | {
        readonly scenario: RunScenario
        readonly workload: WorkloadSource
        /** Hash of the requests when they were read. */
        readonly requestsHash: string | undefined
        /** Files that its config names. */
        readonly files: readonly ConfigFile[]
      }
    | { readonly error: Error }
}

/** What {@link planSweep} takes. */
export interface SweepPlan {
  readonly source: ConfigSource
  readonly traffic: TrafficStore
  readonly slo: SloTargets | undefined
  /** Requests in flight at most; as the config of a point says when absent. */
  readonly concurrency: number | undefined
  /** What routers see; as the config of a point says when absent. */
  readonly visibility: string | readonly string[] | undefined
  readonly points: readonly Settings[]
  /** Undefined for the traffic as the config has it. */
  readonly rates: readonly (number | undefined)[]
  readonly choices: readonly AlgorithmChoice[]
  readonly seeds: readonly number[]
  readonly stepper: string
  readonly perRequest: boolean
}

/**
 * Every run of a sweep in its order: by point, rate, algorithm and seed. A point that can not be made is
 * among them with its error, unless none can be.
 *
 * @throws RouteSimError what is wrong with the first point, when something is wrong with all
 */
export async function planSweep(plan: SweepPlan): Promise<SweepRun[]> {
  const runs: SweepRun[] = []
  let firstError: Error | undefined
  for (const settings of plan.points) {
    for (const rate of plan.rates) {
      try {
        runs.push(...(await runsAt(plan, settings, rate)))
      } catch (thrown) {
        const error = asPointError(thrown)
        firstError ??= error
        runs.push(...failedRuns(plan, settings, rate, error))
      }
    }
  }
  if (firstError !== undefined && runs.every(({ made }) => 'error' in made)) throw firstError
  return runs
}

async function runsAt(
  plan: SweepPlan,
  settings: Settings,
  rate: number | undefined,
): Promise<SweepRun[]> {
  const { source, traffic, visibility, choices, seeds, stepper, perRequest } = plan
  const given = withConcurrency(withTargets(source.with(settings), plan.slo), plan.concurrency)
  const { config, workload, hash } = await traffic.at(given, rate)
  checkConcurrency(perRequest, config)
  const visibilities = visibilitiesOf(visibility, config)
  const algorithms = resolveAlgorithms(choices, config, visibilities)
  const scenario = { config }
  const files = configFiles(config, source.path)
  const made = { scenario, workload, requestsHash: hash, files }
  return algorithms.flatMap(({ label, choice, visibility: seen }, algorithm) =>
    seeds.map((seed): SweepRun => {
      const identity = { config, algorithm: choice, visibility: seen, seed, stepper, perRequest }
      const keys = pointKeys({ ...identity, requests: hash, files })
      return { settings, rate, algorithm, label, seed, ...keys, made }
    }),
  )
}

function failedRuns(
  { source, visibility, choices, seeds, stepper, perRequest }: SweepPlan,
  settings: Settings,
  rate: number | undefined,
  error: Error,
): SweepRun[] {
  const visibilities = visibilitiesOf(visibility, source.config)
  const algorithms = resolveAlgorithms(choices, source.config, visibilities)
  return algorithms.flatMap(({ label, choice, visibility: seen }, algorithm) =>
    seeds.map((seed) => {
      const config = { ...source.config, settings, rate } as Config
      const identity = { config, algorithm: choice, visibility: seen, seed, stepper, perRequest }
      const keys = pointKeys({ ...identity, requests: undefined, files: [] })
      return { settings, rate, algorithm, label, seed, ...keys, made: { error } }
    }),
  )
}

/** Only what is wrong with a point is its own affair. */
function asPointError(thrown: unknown): Error {
  const isOurs = thrown instanceof RouteSimError
  if (isOurs && thrown.code !== 'interrupted' && thrown.code !== 'trace_aborted') return thrown
  throw thrown
}
