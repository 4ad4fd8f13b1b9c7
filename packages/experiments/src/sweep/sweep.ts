import { RouteSimError } from '@routesim/core'
import { buildFleet } from '../cluster/build-cluster.js'
import { configSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { idleSettings } from '../notes/idle-settings.js'
import { askedRate, isOtherRate, rateNotes, whyOtherRate } from '../notes/rate-notes.js'
import { checkQueue, inQueue } from '../queue/in-queue.js'
import type { QueueOption } from '../queue/runs-in-queue.js'
import { loadChoice } from '../routers/load-choice.js'
import { interrupted } from '../run/execute.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import {
  checkStepper,
  describeScenario,
  type ExperimentOptions,
  type ScenarioInfo,
  seedsFrom,
  visibilitiesOf,
} from '../run/scenario.js'
import { type Axis, designPoints, type Sampling, type Settings } from './design.js'
import { openLog } from './open-log.js'
import { planSweep, type SweepRun } from './plan-sweep.js'
import type { ResultRecord } from './result-log.js'
import { placesOf, runSweep } from './run-sweep.js'
import { checkShard, type Shard } from './shard.js'
import { type SweepFailure, type SweepPoint, sweepPoints } from './sweep-points.js'
import { checkDuration, type EarlyEnd, earlyEndNotes, TrafficStore } from './traffic.js'

/** Options of {@link sweep}; what is absent is as in the config's sweep section. */
export interface SweepOptions
  extends Omit<ExperimentOptions, 'sampleIntervalMs' | 'detail' | 'observer'> {
  /**
   * Arrival rates in requests per second: of the trace that is given or that the config names, whose
   * requests then arrive faster or slower, else of generated traffic.
   */
  readonly rates?: readonly number[] | undefined
  /** Length of traffic generated at a rate, in seconds; the config's by default. */
  readonly durationSec?: number | undefined
  /** `round_robin` by default. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
  /** Values of config keys by dotted path, such as `cluster.num_backends`. */
  readonly set?: Readonly<Record<string, Axis>> | undefined
  /** Every combination (`grid`) by default. */
  readonly sampling?: Sampling | undefined
  /** Points of a sample. */
  readonly points?: number | undefined
  /** File to which every run is appended when it is done. */
  readonly log?: string | undefined
  /** Does only what is missing in the log. */
  readonly resume?: boolean | undefined
  /** Does only this part of the runs. */
  readonly shard?: Shard | undefined
  /** Has the workers of a queue do the runs, instead of this machine; see {@link runSweepWorker}. */
  readonly queue?: QueueOption | undefined
}

/** What {@link sweep} found. */
export interface SweepReport {
  readonly scenario: ScenarioInfo
  /** Seconds of traffic per rate; undefined where it is not generated at rates, or ends before. */
  readonly durationSec: number | undefined
  readonly points: readonly SweepPoint[]
  /** Runs that failed; the others went on. */
  readonly failures: readonly SweepFailure[]
  /** Runs in all, those of other shards among them. */
  readonly totalRuns: number
  /** Points in all, of as many runs as there are seeds. */
  readonly totalPoints: number
  /** Lines of the log that were torn when it was written, and left out. */
  readonly tornLines: number
  /** True when it was stopped: `points` holds what was finished by then. */
  readonly interrupted: boolean
}

/**
 * Simulates every combination of config values, rates, algorithms and seeds, or a sample of them. A run
 * that fails is told with its error, and the others go on; `points` is empty where every run failed.
 *
 * @throws RouteSimError when nothing is to be swept, when every point is faulty, or when the log exists
 * and is not to be resumed
 *
 * @example
 * const { points } = await sweep({
 *   config: 'configs/default.toml',
 *   set: { 'cluster.num_backends': [4, 8, 16] },
 *   rates: [50, 100],
 * })
 */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  checkStepper(options)
  if (options.queue !== undefined) await checkQueue(options.queue, options.trace)
  const source = await configSource(options.config)
  const { sweep: section, simulation } = source.config
  const rates = options.rates ?? section.rates ?? [undefined]
  const axes = options.set ?? section.set
  const choices = options.algorithms ?? (await choicesOf(section.algorithms))
  const seed = options.seed ?? simulation.seed
  const seeds = seedsFrom(seed, options.seeds ?? section.seeds ?? 1)
  const sampling = options.sampling ?? section.sample ?? 'grid'
  const drawn = designPoints({ axes, sampling, points: options.points ?? section.points, seed })
  // Those of a sample may be alike.
  const points = distinct(drawn)
  checkNoSeed(axes)
  // What a single point sets may be wrong, which says more than that it is alone.
  if (points.length === 1) source.with(points[0]!)
  checkExtent({ rates, choices, seeds, points: drawn })
  checkSaidOnce('concurrency', options.concurrency, axes, 'workload.concurrency')
  checkSaidOnce('rates', rates[0] && rates.join(', '), axes, 'trace.rate')
  const { stepper = 'fast', perRequest = true, shard, signal, jobs, onProgress } = options
  const trafficOptions = { ...options, configPath: source.path }
  const traffic = new TrafficStore(trafficOptions)
  const { visibility } = options
  const how = { stepper, perRequest, visibility }
  const runs = await planSweep({
    ...{ source, traffic, points, rates: [...new Set(rates)], choices, seeds },
    slo: options.slo,
    concurrency: options.concurrency,
    ...how,
  })
  const isGenerated = runs.every(
    ({ made }) => 'error' in made || traffic.isGenerated(made.scenario.config),
  )
  checkDuration(options, isGenerated, rates[0] !== undefined)
  const elsewhere =
    options.queue && inQueue(options.queue, runs, { traffic: trafficOptions, choices, ...how })
  const part = shard === undefined ? undefined : checkShard(shard)
  const { known, tornLines, log } = await openLog(options.log, options.resume, placesOf(runs), part)
  try {
    const records = await runSweep(runs, {
      ...{ ...how, choices, sampleIntervalMs: undefined, jobs, known, elsewhere },
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      isWanted: (run) => part === undefined || run % part.count === part.index,
      onRecord: (record) => log?.append(record),
    })
    const done = runs.flatMap((_, run) => records.get(run) ?? [])
    // Of points of which none could be made there is nothing to tell but why.
    if (done.length > 0 && runs.every(({ made }) => 'error' in made)) throw firstFailure(done)
    const wanted = runs.filter((_, i) => part === undefined || i % part.count === part.index)
    const stopped = signal?.aborted === true && done.length < wanted.length
    const described = await describe(runs, seeds, options, stopped ? undefined : signal)
    const scenario = ofRuns(described, done, stopped)
    const found = sweepPoints(done)
    const lasting = lastingOf(runs, traffic, source.config)
    const notes = [
      ...scenario.notes,
      ...idleNotes(runs),
      ...lasting.notes,
      ...(await notesOnRates(runs, found.points, seeds[0]!)),
    ]
    return {
      scenario: { ...scenario, notes: [...new Set(notes)] },
      durationSec: isGenerated ? lasting.durationSec : undefined,
      ...found,
      totalRuns: runs.length,
      totalPoints: runs.length / seeds.length,
      tornLines,
      interrupted: stopped,
    }
  } finally {
    log?.close()
  }
}

/** @throws RouteSimError `options_conflict`: a point is of all seeds */
function checkNoSeed(axes: Readonly<Record<string, Axis>>): void {
  const path = 'simulation.seed'
  if (axes[path] === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `set ${path}: expected another key, since every point is run under the same seeds`,
    { code: 'options_conflict', path, hint: 'Give --seeds 5, and --seed for the first of them.' },
  )
}

/** @throws RouteSimError `options_conflict`: what an option says would never be that which is swept */
function checkSaidOnce(
  option: string,
  value: unknown,
  axes: Readonly<Record<string, Axis>>,
  path: string,
): void {
  if (value === undefined || axes[path] === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${option}: expected it once, got ${value} and ${path} among what is swept`,
    { code: 'options_conflict', path: option },
  )
}

function distinct(points: readonly Settings[]): Settings[] {
  return [...new Map(points.map((point) => [JSON.stringify(point), point])).values()]
}

async function choicesOf(specs: readonly string[] | undefined): Promise<AlgorithmChoice[]> {
  return Promise.all((specs ?? ['round_robin']).map(loadChoice))
}

/** @throws RouteSimError when there is nothing to go through */
function checkExtent(runs: {
  readonly rates: readonly unknown[]
  readonly choices: readonly unknown[]
  readonly seeds: readonly unknown[]
  readonly points: readonly unknown[]
}): void {
  if (runs.rates.length === 0) {
    throw new RouteSimError<ExperimentsErrorCode>('rates: expected at least one rate, got none', {
      code: 'rates_missing',
      hint: 'Give the rates in requests per second, as in --rates 50,100,200.',
    })
  }
  if (runs.choices.length === 0) {
    throw new RouteSimError<ExperimentsErrorCode>('algorithms: expected at least one, got none', {
      code: 'algorithms_missing',
    })
  }
  if (runs.rates[0] !== undefined || Object.values(runs).some(({ length }) => length > 1)) return
  throw new RouteSimError<ExperimentsErrorCode>(
    'sweep: expected something to go through, got a single run',
    {
      code: 'sweep_invalid',
      hint: 'Give --rates 50,100,200, or --set cluster.num_backends=4,8, or a [sweep] section.',
    },
  )
}

function firstFailure(records: readonly ResultRecord[]): RouteSimError {
  const [first] = records
  const { code, message } =
    first?.status === 'failed' ? first.error : { code: null, message: 'nothing was done' }
  return new RouteSimError(message, { code: code ?? 'run_failed' })
}

/** Of the seeds, those that were run, and of a sweep that was stopped, what that means. */
function ofRuns(
  scenario: ScenarioInfo,
  done: readonly ResultRecord[],
  stopped: boolean,
): ScenarioInfo {
  if (done.length === 0) return scenario
  const all = scenario.seeds.length
  const perPoint = new Map<string, number>()
  for (const { settings, rate, algorithm } of done) {
    const point = JSON.stringify([settings, rate, algorithm])
    perPoint.set(point, (perPoint.get(point) ?? 0) + 1)
  }
  const partial = [...perPoint.values()].filter((count) => count < all).length
  const points = partial === 1 ? 'point was' : 'points were'
  const notes =
    stopped && partial > 0 ? [`${partial} ${points} stopped before all ${all} seeds were run`] : []
  const seeds = [...new Set(done.map(({ seed }) => seed))].sort((a, b) => a - b)
  return { ...scenario, seeds, notes: [...scenario.notes, ...notes] }
}

/** Says which settings that are gone through change nothing. */
function idleNotes(runs: readonly SweepRun[]): string[] {
  const points = new Map<string, SweepRun>()
  for (const run of runs) points.set(JSON.stringify(run.settings), run)
  return [...points.values()].flatMap(({ made, settings }) =>
    'error' in made ? [] : idleSettings(made.scenario.config, Object.keys(settings)),
  )
}

/** How long traffic at rates lasts, if it is the same at all of them, and what ends it before. */
function lastingOf(
  runs: readonly SweepRun[],
  traffic: TrafficStore,
  config: Config,
): { readonly durationSec: number | undefined; readonly notes: readonly string[] } {
  const lengths = new Set<number>()
  const ends: EarlyEnd[] = []
  for (const { rate, made } of runs) {
    if (rate === undefined || 'error' in made) continue
    const { config: own } = made.scenario
    lengths.add(traffic.durationSec(own))
    const end = traffic.earlyEnd(own, made.workload, rate)
    if (end !== undefined) ends.push(end)
  }
  const [first] = lengths
  const isOne = lengths.size === 1 && ends.length === 0
  return {
    durationSec: isOne ? first : undefined,
    notes: earlyEndNotes(ends, traffic.askedSec(config)),
  }
}

/** Says where requests came at another rate than that of their point. */
async function notesOnRates(
  runs: readonly SweepRun[],
  points: readonly SweepPoint[],
  seed: number,
): Promise<string[]> {
  const made = new Map(runs.map((run) => [JSON.stringify([run.settings, run.rate]), run.made]))
  const others = points.flatMap(({ settings, rate: own, result }) => {
    const of = made.get(JSON.stringify([settings, own]))
    if (of === undefined || 'error' in of) return []
    const rate = own ?? of.workload.rateRps
    const asked = rate === undefined ? undefined : askedRate(rate, result)
    return asked !== undefined && isOtherRate(asked) ? [{ asked, of }] : []
  })
  const why = new Set<string>()
  for (const { of } of others) {
    for (const each of await whyOtherRate(of.workload, of.scenario.config, seed)) why.add(each)
  }
  return rateNotes(
    others.map(({ asked }) => asked),
    [...why],
  )
}

/** Tells what the first point is made of. */
async function describe(
  runs: readonly SweepRun[],
  seeds: readonly number[],
  { perRequest = true, visibility }: SweepOptions,
  signal: AbortSignal | undefined,
): Promise<ScenarioInfo> {
  const made = runs.map((run) => run.made).find((each) => 'scenario' in each)
  if (made === undefined || !('scenario' in made)) throw interrupted()
  const config: Config = made.scenario.config
  const fleet = buildFleet(config)
  const visibilities = visibilitiesOf(visibility, config)
  const prepared = { config, fleet, perRequest, seeds, visibilities }
  return describeScenario(prepared, made.workload, signal)
}
