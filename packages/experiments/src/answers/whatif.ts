import { configSource } from '../config/config-source.js'
import { backendEvents } from '../config/events-schema.js'
import type { Config } from '../config/schema.js'
import { idleSettings } from '../notes/idle-settings.js'
import { listed } from '../notes/listed.js'
import { loadNotes } from '../notes/load-notes.js'
import { nobodyUp } from '../notes/nobody-up.js'
import { rateNotesOf } from '../notes/rate-notes.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import type { ScenarioInfo } from '../run/scenario.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import type { Settings } from '../sweep/design.js'
import { TrafficStore } from '../sweep/traffic.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import { judgedMetric } from './judged-metrics.js'
import { type PairedDifference, pairedDifference } from './paired-difference.js'
import { type Sample, seedsOf, windowStartsOf } from './paired-samples.js'
import { executeTrials, summaryOf, type Trial } from './run-trials.js'
import {
  configWith,
  describeSearch,
  prepareSearch,
  type SearchOptions,
  searchInvalid,
} from './search-options.js'
import { TOO_FEW_BEYOND, toldDifference } from './told-values.js'

/** Options of {@link whatif}. */
export interface WhatifOptions extends SearchOptions {
  /** `round_robin` by default. */
  readonly algorithm?: AlgorithmChoice | undefined
  /** The algorithm after the change; as before by default. */
  readonly otherAlgorithm?: AlgorithmChoice | undefined
  /** The config after the change, or its path; as before by default. */
  readonly otherConfig?: Config | string | undefined
  /** Config values that change, by dotted path. */
  readonly set?: Settings | undefined
  /** Windows of a trace that intervals are taken from; 8 by default, fewer of a short one or for percentiles. */
  readonly windows?: number | undefined
}

/** What {@link whatif} found. */
export interface WhatifReport {
  readonly scenario: ScenarioInfo
  /** What is compared: before and after. */
  readonly names: readonly [string, string]
  /** Over all traffic, before and after. */
  readonly results: readonly [AlgorithmSummary, AlgorithmSummary]
  /** Whether pairs are seeds of generated traffic or windows of a trace. */
  readonly pairs: 'seeds' | 'windows'
  readonly differences: readonly PairedDifference[]
  /** Simulations that were run. */
  readonly runs: number
  /** Plain sentences. */
  readonly verdict: readonly string[]
}

const DEFAULT_SEEDS = 5

const COST = 'estimated_cost_per_1k_tokens'
/** The unit of price lists, and of the table of results beside. */
const PER_MILLION = { title: '$/1M tokens', scale: 1000 }

const TOLD_METRICS = [
  ...['ttft.p50', 'ttft.p99', 'tbt.p99', 'end_to_end_latency.p50', 'end_to_end_latency.p99'],
  ...['requests_per_sec', 'token_hit_rate', 'jains_fairness_index'],
  ...['rejected_requests', 'failed_requests', 'timed_out_requests', 'unsent_requests'],
  ...[COST, 'slo.attainment', 'slo.goodput_requests_per_sec'],
]

/**
 * What a change does: of settings, of the whole config, or of the algorithm. Both sides meet the same
 * requests, and intervals are over differences, which chance in the traffic moves far less than either side:
 * those of seeds, or, of a trace, what the windows of one run of all of it contribute to its difference. Such a run
 * keeps results per request.
 *
 * @throws RouteSimError `search_invalid` when nothing changes, or there is too little traffic
 *
 * @example
 * const { differences } = await whatif({
 *   config: 'configs/default.toml',
 *   set: { 'cluster.num_backends': 9 },
 * })
 */
export async function whatif(options: WhatifOptions): Promise<WhatifReport> {
  const { algorithm = 'round_robin', set = {}, windows } = options
  const otherAlgorithm = options.otherAlgorithm ?? algorithm
  const source = await configSource(options.config)
  const otherSource =
    options.otherConfig === undefined ? source : await configSource(options.otherConfig)
  checkChange(options, otherAlgorithm === algorithm)
  checkWindows(windows)
  const prepared = prepareSearch(options, source.config, DEFAULT_SEEDS)
  const configs = [
    configWith(source, prepared, {}, options.slo),
    configWith(otherSource, prepared, set, options.slo),
  ] as const
  const store = new TrafficStore({ ...options, configPath: source.path })
  // One store for one config: standard input can be read once.
  const otherStore =
    otherSource === source ? store : new TrafficStore({ ...options, configPath: otherSource.path })
  const seeds = prepared.seeds.slice(0, 1)
  // One for both sides, so that they have the same windows.
  const warmup = Math.max(...configs.map(({ simulation }) => simulation.warmup_requests))
  const sides = await Promise.all(
    configs.map(async (config, i) => {
      const traffic = i === 0 ? store : otherStore
      const { config: own, workload } = await traffic.at(config, undefined)
      const samples = workload.isSeeded
        ? seedsOf(traffic, prepared.seeds)
        : [await windowed(traffic, workload, { windows, warmup, seed: seeds[0]! })]
      const choice = i === 0 ? algorithm : otherAlgorithm
      const events = backendEvents(own.events)
      return { config, choice, traffic, samples, events, isSeeded: workload.isSeeded }
    }),
  )
  const [base, other] = [sides[0]!, sides[1]!]
  refuseUnused(options, base.isSeeded)
  if (base.isSeeded !== other.isSeeded || windowsIn(base) !== windowsIn(other)) {
    throw searchInvalid(
      'trace',
      'traffic before and after that can be paired: both generated, or both read',
      'one of each',
    )
  }
  if (base.isSeeded && seeds.length === prepared.seeds.length) {
    throw searchInvalid('seeds', 'at least 2 for an interval', 1)
  }
  const trials = sides.flatMap((side) => side.samples.map((sample) => trialOf(side, sample)))
  const found = (await executeTrials(trials, prepared)).flat()
  const pairs = base.samples.length
  const runs = [found.slice(0, pairs), found.slice(pairs)] as const
  const differences = TOLD_METRICS.flatMap((path) => {
    const judged = { ...judgedMetric(path, 'metric'), ...(path === COST && PER_MILLION) }
    return pairedDifference(judged, ...runs) ?? []
  }).filter(({ base: from, other: to }) => from !== 0 || to !== 0)
  const results = [summaryOf(runs[0]), summaryOf(runs[1])] as const
  const described = base.isSeeded ? prepared : { ...prepared, seeds }
  const scenario = await describeSearch(base.config, base.traffic, undefined, described)
  const { workload } = await base.traffic.at(base.config, undefined)
  const names = namesOf(options, results)
  const named = results.map((result, i) => ({ ...result, algorithm: names[i]! }))
  const stories = sides.map(({ events }, i) => ({
    backends: results[i]!.per_backend.length,
    events,
  }))
  const story = stories.find(({ events, backends }) => nobodyUp(events, backends) !== undefined)
  const notes = [
    ...[
      ...scenario.notes,
      ...idleSettings(other.config, Object.keys(set)),
      ...loadNotes(named, story ?? stories[0]!),
    ],
    ...(await rateNotesOf(results, workload, base.config, seeds[0]!)),
  ]
  return {
    scenario: { ...scenario, notes: [...new Set(notes)] },
    names,
    results,
    pairs: base.isSeeded ? 'seeds' : 'windows',
    differences,
    runs: trials.length,
    verdict: whatifVerdict(differences, base.isSeeded ? 'seeds' : 'windows'),
  }
}

/** A trace that is compared window by window. */
async function windowed(
  traffic: TrafficStore,
  workload: WorkloadSource,
  {
    windows,
    warmup,
    seed,
  }: { readonly windows: number | undefined; readonly warmup: number; readonly seed: number },
): Promise<Sample> {
  const table = await workload.requests(seed)
  const windowStarts = windowStartsOf(table, { from: warmup, windows })
  return { traffic, seed, adapted: (config) => config, windowStarts }
}

function windowsIn({ samples }: { readonly samples: readonly Sample[] }): number | undefined {
  return samples[0]!.windowStarts?.length
}

interface Side {
  readonly config: Config
  readonly choice: AlgorithmChoice
}

/** One side in some of the traffic in which it is compared. */
export function trialOf({ config, choice }: Side, sample: Sample): Trial {
  const { traffic, seed, adapted, windowStarts } = sample
  const label = windowStarts === undefined ? `seed ${seed}` : 'whole trace'
  const seeds = [seed]
  return { label, config: adapted(config), choice, traffic, rate: undefined, seeds, windowStarts }
}

/** @throws RouteSimError `search_invalid` */
export function checkWindows(windows: number | undefined): void {
  if (windows === undefined) return
  if (Number.isInteger(windows) && windows >= 2 && windows <= 1000) return
  throw searchInvalid('windows', 'an integer from 2 to 1000', windows)
}

/** Generated traffic is compared seed by seed, a trace window by window. */
function refuseUnused({ windows, seeds }: WhatifOptions, isSeeded: boolean): void {
  if (isSeeded && windows !== undefined) {
    throw searchInvalid('windows', 'nothing beside traffic that differs with the seed', windows)
  }
  if (!isSeeded && seeds !== undefined) {
    throw searchInvalid('seeds', 'nothing beside a trace, which is cut into windows', seeds)
  }
}

function checkChange({ set, otherConfig }: WhatifOptions, isSameAlgorithm: boolean): void {
  const isSameConfig = otherConfig === undefined && Object.keys(set ?? {}).length === 0
  if (!isSameConfig || !isSameAlgorithm) return
  throw searchInvalid(
    'whatif',
    'something that changes',
    undefined,
    'Give --set cluster.num_backends=9, --against other.toml or --to another algorithm.',
  )
}

function namesOf(
  { config, otherConfig, set = {} }: WhatifOptions,
  [base, other]: readonly [AlgorithmSummary, AlgorithmSummary],
): readonly [string, string] {
  const file = (given: Config | string | undefined): string[] =>
    typeof given === 'string' && otherConfig !== undefined ? [given] : []
  const changed = Object.entries(set).map(([path, value]) => `${path}=${value}`)
  const after = [other.algorithm, ...file(otherConfig), ...changed].join(' ')
  return [[base.algorithm, ...file(config)].join(' '), after]
}

/** What differs for sure, and what does not. */
function whatifVerdict(
  differences: readonly PairedDifference[],
  pairs: 'seeds' | 'windows',
): string[] {
  const clear = differences.filter(({ outcome }) => outcome === 'better' || outcome === 'worse')
  const said = clear.map((each) => `${each.title} is ${each.outcome}: ${toldDifference(each)}.`)
  const unclear = differences.filter(({ outcome }) => outcome === 'unclear').map((d) => d.title)
  const unknown = differences.filter(({ outcome }) => outcome === 'unknown').map((d) => d.title)
  const equal = differences.filter(({ outcome }) => outcome === 'equal').map((d) => d.title)
  const count = differences[0]?.pairs ?? 0
  return [
    ...said,
    ...(unclear.length > 0 ? [`No significant difference in ${listed(unclear)}.`] : []),
    ...(unknown.length > 0 ? [`No interval for ${listed(unknown)}: ${TOO_FEW_BEYOND}.`] : []),
    ...(equal.length > 0 ? [`Exactly equal in ${listed(equal)}.`] : []),
    `Intervals are over ${count} paired ${pairs}; of 20 numbers that do not differ, one looks as if it did.`,
  ]
}
