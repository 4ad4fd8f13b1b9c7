import type { RunDetail } from '@routesim/metrics'
import { compare } from './compare.js'
import { interrupted } from './execute.js'
import type { AlgorithmChoice } from './resolve-algorithms.js'
import type { RunSamples } from './run-samples.js'
import type { ExperimentOptions, ScenarioInfo } from './scenario.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** Options of {@link run}. */
export interface RunOptions extends ExperimentOptions {
  /** `round_robin` by default. */
  readonly algorithm?: AlgorithmChoice | undefined
}

/** What {@link run} found. */
export interface RunReport {
  readonly scenario: ScenarioInfo
  readonly result: AlgorithmSummary
  /** Of the first seed, when `detail` was asked for. */
  readonly detail?: RunDetail
  /** What backends did over time, by run; empty unless asked for. */
  readonly samples: readonly RunSamples[]
  /** Whether it was stopped before all seeds were done; the result is of those that were. */
  readonly interrupted: boolean
}

/**
 * Simulates one routing algorithm.
 *
 * @throws RouteSimError when the config, the trace or the algorithm is faulty, or the run is stopped
 *
 * @example
 * const { result } = await run({ config: 'configs/default.toml', algorithm: 'prefix_aware' })
 */
export async function run({
  algorithm = 'round_robin',
  ...options
}: RunOptions): Promise<RunReport> {
  const {
    scenario,
    results,
    details,
    samples,
    interrupted: stopped,
  } = await compare({
    ...options,
    algorithms: [algorithm],
  })
  const [result] = results
  if (result === undefined) throw interrupted()
  const [detail] = details
  return { scenario, result, samples, interrupted: stopped, ...(detail && { detail }) }
}
