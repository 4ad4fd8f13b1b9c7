import { RouteSimError } from '@routesim/core'
import type { RunDetail } from '@routesim/metrics'
import type { ExperimentsErrorCode } from '../errors.js'
import { loadNotes, unservedCounted } from '../notes/load-notes.js'
import { rateNotesOf } from '../notes/rate-notes.js'
import { sameDecisions } from '../notes/same-decisions.js'
import { unheardEvents } from '../notes/unheard-events.js'
import { chosenOrNamed } from '../routers/load-choice.js'
import { besideRequests } from '../workload/beside-requests.js'
import { loadWorkload, type WorkloadSource } from '../workload/load-workload.js'
import { type AlgorithmChoice, resolveAlgorithms } from './resolve-algorithms.js'
import type { RunSamples } from './run-samples.js'
import {
  describeScenario,
  type ExperimentOptions,
  type PreparedFleet,
  prepareFleet,
  type ScenarioInfo,
} from './scenario.js'
import { sendingSec } from './sent-requests.js'
import { type AlgorithmSummary, simulateAll } from './simulate-all.js'
import { verdict } from './verdict.js'

/** Options of {@link compare}. */
export interface CompareOptions extends ExperimentOptions {
  /** Those of the config's `compare.algorithms` by default, else all built-in ones. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
}

/** What {@link compare} found. */
export interface Comparison {
  readonly scenario: ScenarioInfo
  /** One per algorithm, in the order given. */
  readonly results: readonly AlgorithmSummary[]
  /** Of the first seed of each result, where `detail` was asked for. */
  readonly details: readonly (RunDetail | undefined)[]
  /** Two sentences: who wins on what, and what it costs. */
  readonly verdict: readonly string[]
  /** How many results there are when it is not stopped. */
  readonly planned: number
  /** True when it was stopped: `results` holds what was finished by then. */
  readonly interrupted: boolean
  /** What backends did over time, by run; empty unless asked for. */
  readonly samples: readonly RunSamples[]
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
  const prepared = await prepareFleet(options)
  const choices = await chosenOrNamed(options.algorithms, prepared.config.compare.algorithms)
  if (choices.length === 0) {
    throw new RouteSimError<ExperimentsErrorCode>('algorithms: expected at least one, got none', {
      code: 'algorithms_missing',
    })
  }
  const algorithms = resolveAlgorithms(choices, prepared.config, prepared.visibilities)
  const configPath = typeof options.config === 'string' ? options.config : undefined
  const workload = await loadWorkload(prepared.config, options.trace, options, configPath)
  const config = await besideRequests(prepared.config, workload)
  const described = await describeScenario({ ...prepared, config }, workload, options.signal)
  // Asked before the runs, of which the first takes the requests.
  const isHeldBack = await areHeldBack(workload, { ...prepared, config })
  const plan = { ...prepared, config, workloads: [workload], algorithms }
  const { summaries, details, interrupted, notes, samples, seeds } = await simulateAll(
    plan,
    options,
  )
  const results = summaries[0]!
  const unserved = prepared.perRequest ? [] : unservedCounted(results)
  const found = [
    ...[...notes, ...unheardEvents(algorithms), ...sameDecisions(results)],
    ...[...unserved, ...loadNotes(results, described)],
    ...(await rateNotesOf(results, workload, config, prepared.seeds[0]!)),
  ]
  const sentMs = isHeldBack ? results.map((result) => (sendingSec(result) ?? 0) * 1000) : []
  const spanMs = Math.max(described.spanMs, ...sentMs)
  const info = { ...described, spanMs, seeds, notes: [...described.notes, ...found] }
  const sentences = verdict(info, results)
  return {
    ...{ scenario: info, results, details: details[0]!, verdict: sentences },
    ...{ planned: algorithms.length, interrupted, samples },
  }
}

/** Whether requests are sent later than they arrive: when others have ended. */
async function areHeldBack(
  workload: WorkloadSource,
  { config, perRequest, seeds }: Pick<PreparedFleet, 'config' | 'perRequest' | 'seeds'>,
): Promise<boolean> {
  if (!perRequest) return false
  const { predecessor } = await workload.requests(seeds[0]!)
  return config.workload.concurrency !== undefined || predecessor !== undefined
}
