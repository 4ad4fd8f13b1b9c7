import { builtinRouters } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import { type RunSummary, type SeedsSummary, summarizeSeeds } from '@routesim/metrics'
import type { ExperimentsErrorCode } from '../errors.js'
import { loadWorkload } from '../workload/load-workload.js'
import { type Control, execute } from './execute.js'
import {
  type AlgorithmChoice,
  type ResolvedAlgorithm,
  resolveAlgorithms,
} from './resolve-algorithms.js'
import { sameDecisions } from './same-decisions.js'
import {
  describeScenario,
  type ExperimentOptions,
  prepareFleet,
  type Scenario,
  type ScenarioInfo,
} from './scenario.js'
import { verdict } from './verdict.js'

/** One run, or the means and 95 % intervals of several that differ in the seed only. */
export type AlgorithmSummary = RunSummary | SeedsSummary

/** Options of {@link compare}. */
export interface CompareOptions extends ExperimentOptions {
  /** All built-in ones by default. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
}

/** What {@link compare} found. */
export interface Comparison {
  readonly scenario: ScenarioInfo
  /** One per algorithm, in the order given. */
  readonly results: readonly AlgorithmSummary[]
  /** Two sentences: who wins on what, and what it costs. */
  readonly verdict: readonly string[]
  /** True when it was stopped: `results` holds what was finished by then. */
  readonly interrupted: boolean
}

/**
 * Simulates the same requests on the same fleet behind each of several routing algorithms.
 *
 * @throws RouteSimError when the config, the trace or an algorithm is faulty
 *
 * @example
 * const { results, verdict } = await compare({
 *   config: 'configs/default.toml',
 *   algorithms: ['round_robin', 'prefix_aware:cache_weight=0.9'],
 * })
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const choices = options.algorithms ?? builtinRouters
  if (choices.length === 0) {
    throw new RouteSimError<ExperimentsErrorCode>('algorithms: expected at least one, got none', {
      code: 'algorithms_missing',
    })
  }
  const prepared = await prepareFleet(options)
  const algorithms = resolveAlgorithms(choices, prepared.config)
  const configPath = typeof options.config === 'string' ? options.config : undefined
  const workload = await loadWorkload(prepared.config, options.trace, options, configPath)
  const scenario = { ...prepared, workload }
  const { results, interrupted, notes } = await simulateAll(scenario, algorithms, options)
  const described = describeScenario(scenario)
  const info = { ...described, notes: [...described.notes, ...notes, ...sameDecisions(results)] }
  return { scenario: info, results, verdict: verdict(info, results), interrupted }
}

/** Simulates every algorithm under every seed; what is finished when it is stopped is kept. */
export async function simulateAll(
  { config, fleet, seeds, workload }: Scenario,
  algorithms: readonly ResolvedAlgorithm[],
  { signal, onProgress }: Control,
): Promise<{ results: AlgorithmSummary[]; interrupted: boolean; notes: string[] }> {
  const totalRuns = algorithms.length * seeds.length
  const results: AlgorithmSummary[] = []
  let finishedRuns = 0
  const warmupRequests = config.simulation.warmup_requests
  for (const algorithm of algorithms) {
    const runs: RunSummary[] = []
    try {
      for (const seed of seeds) {
        const { label } = algorithm
        const report = (fraction: number): void =>
          onProgress?.({ label, finishedRuns, totalRuns, fraction })
        report(0)
        const requests = workload.requests(seed)
        runs.push(
          await execute({ fleet, requests, algorithm, seed, warmupRequests }, signal, report),
        )
        finishedRuns++
      }
    } catch (error) {
      if (!(error instanceof RouteSimError && error.code === 'interrupted')) throw error
    }
    if (runs.length > 0) results.push(seeds.length === 1 ? runs[0]! : summarizeSeeds(runs))
    if (runs.length < seeds.length) {
      const partly = `${algorithm.label} was stopped after ${runs.length} of ${seeds.length} seeds`
      return { results, interrupted: true, notes: runs.length > 0 ? [partly] : [] }
    }
  }
  return { results, interrupted: false, notes: [] }
}
