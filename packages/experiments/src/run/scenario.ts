import {
  type BackendEvent,
  type RequestTable,
  RouteSimError,
  type Visibility,
} from '@routesim/core'
import type { SloTargets } from '@routesim/metrics'
import { buildFleet, type Fleet, type Stepper } from '../cluster/build-cluster.js'
import { configSource } from '../config/config-source.js'
import { backendEvents } from '../config/events-schema.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { contextNotes } from '../notes/context-notes.js'
import { idleSettings } from '../notes/idle-settings.js'
import { idleTargets } from '../notes/idle-targets.js'
import { lateEvents } from '../notes/late-events.js'
import { lengthNotes } from '../notes/length-notes.js'
import { linkNotes } from '../notes/link-notes.js'
import { requestNotes } from '../notes/request-notes.js'
import { unservedModels } from '../notes/unserved-models.js'
import { windowNotes } from '../notes/window-notes.js'
import { parseVisibility, toVisibility } from '../visibility/resolve-visibility.js'
import type { TraceOptions, WorkloadSource } from '../workload/load-workload.js'
import type { Control, RunObserver } from './execute.js'
import type { JobsOption } from './simulate-all.js'

/** What every experiment needs to know. */
export interface ExperimentOptions extends Control, JobsOption, TraceOptions {
  /**
   * A checked config, or the path of a config file. Of a config copied with other values, what follows from
   * them is filled in anew.
   */
  readonly config: Config | string
  /** A trace file (`-` for standard input) or requests; the config's trace section by default. */
  readonly trace?: string | RequestTable | undefined
  /** Seed of the first run; the config's by default. */
  readonly seed?: number | undefined
  /** How steps are simulated: `fast` (the default) or `reference`. Results agree to rounding. */
  readonly stepper?: Stepper | undefined
  /**
   * Whether a run keeps an arrival, a latency and so on of every request; true by default. Without,
   * percentiles are within 0.4 % of the exact ones, counts and means are exact, and generated traffic
   * takes the same memory however long it is. Conversations can not be generated so.
   */
  readonly perRequest?: boolean | undefined
  /** Targets for all requests that go before those of the config. */
  readonly slo?: SloTargets | undefined
  /** Looks at every backend so often, in ms of virtual time; not at all by default. */
  readonly sampleIntervalMs?: number | undefined
  /**
   * What routers see: a profile, perhaps with settings (`llm-d:metrics_delay_ms=20`), or several of them
   * to compare; `[visibility]` of the config by default.
   */
  readonly visibility?: string | readonly string[] | undefined
  /** Requests in flight at most, others wait at the client; the config's by default, else no limit. */
  readonly concurrency?: number | undefined
  /** Runs per point, with consecutive seeds; 1 by default. */
  readonly seeds?: number | undefined
  /** Whether to keep what pictures need of each first seed; not without per-request results. */
  readonly detail?: boolean | undefined
  /** Looks on at every run, which then go on in this thread one after another. */
  readonly observer?: RunObserver | undefined
}

/** What was simulated, for the heading of a result. */
export interface ScenarioInfo {
  /** The config's `simulation.name`. */
  readonly name: string
  /** Where the requests come from. */
  readonly source: string
  readonly requests: number
  /**
   * From the first arrival to the last, in ms. Where clients wait for answers, results of runs have the time
   * that the sending took with the algorithm with which it took longest.
   */
  readonly spanMs: number
  readonly backends: number
  readonly gpu: string
  /** Backends by their GPUs, such as `2 x H100 SXM`, or `2 x (8 x H100 SXM)`. */
  readonly fleet: string
  /** USD per hour of the whole fleet. */
  readonly fleetPricePerHour: number
  /** What routers were allowed to see: names of profiles, and what differs from them. */
  readonly visibility: string
  /** What happens to backends while the run goes on. */
  readonly events: readonly BackendEvent[]
  /** Of an experiment that was stopped, those of which something is finished. */
  readonly seeds: readonly number[]
  /** What a reader should know before believing the result. */
  readonly notes: readonly string[]
}

/** Config, fleet and seeds of an experiment. */
export interface PreparedFleet {
  readonly config: Config
  readonly fleet: Fleet
  readonly stepper: Stepper
  readonly perRequest: boolean
  readonly detail: boolean
  readonly observer?: RunObserver | undefined
  readonly sampleIntervalMs: number | undefined
  /** As the options say it. */
  readonly visibility: ExperimentOptions['visibility']
  readonly visibilities: readonly Visibility[]
  readonly seeds: readonly number[]
}

const MOST_SEEDS = 10_000

const SAME_REQUESTS =
  'every seed has the same requests: intervals tell of chance in the router and the fleet, not in the traffic'

/** Reads and checks config, seeds and fleet. */
export async function prepareFleet(options: ExperimentOptions): Promise<PreparedFleet> {
  const { config: given } = await configSource(options.config)
  const config = withConcurrency(withTargets(given, options.slo), options.concurrency)
  const seeds = seedsFrom(options.seed ?? config.simulation.seed, options.seeds ?? 1)
  checkStepper(options)
  checkConcurrency(options.perRequest, config)
  const { stepper = 'fast', perRequest = true, detail = false } = options
  const visibilities = visibilitiesOf(options.visibility, config)
  const fleet = buildFleet(config, stepper)
  const { sampleIntervalMs, visibility, observer } = options
  return {
    ...{ config, fleet, stepper, perRequest, detail, observer },
    ...{ sampleIntervalMs, visibility, visibilities, seeds },
  }
}

/** The config with targets that go before its own. */
export function withTargets(config: Config, given: SloTargets = {}): Config {
  const { ttftMs, tpotMs, e2eMs } = given
  const slo = {
    ...config.slo,
    ...(ttftMs !== undefined && { ttft_ms: ttftMs }),
    ...(tpotMs !== undefined && { tpot_ms: tpotMs }),
    ...(e2eMs !== undefined && { e2e_ms: e2eMs }),
  }
  return { ...config, slo }
}

/** The config with a limit of requests in flight that goes before its own. */
export function withConcurrency(config: Config, concurrency: number | undefined): Config {
  if (concurrency === undefined) return config
  return { ...config, workload: { ...config.workload, concurrency } }
}

/**
 * A client that holds requests back needs all of them.
 * @throws RouteSimError `options_conflict`
 */
export function checkConcurrency(
  perRequest: boolean | undefined,
  { workload: { concurrency } }: Config,
): void {
  if (perRequest !== false || concurrency === undefined) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `concurrency: needs per-request results, which this run does not keep, got ${concurrency}`,
    { code: 'options_conflict', path: 'concurrency' },
  )
}

/** @throws RouteSimError `options_conflict` */
export function checkStepper({
  stepper,
  perRequest,
  detail,
  observer,
}: Pick<ExperimentOptions, 'stepper' | 'perRequest' | 'detail' | 'observer'>): void {
  if (perRequest !== false) return
  if (stepper === 'reference') {
    throw new RouteSimError<ExperimentsErrorCode>(
      'stepper: expected "fast" for runs without per-request results, got "reference"',
      { code: 'options_conflict', path: 'stepper' },
    )
  }
  if (detail === true || observer !== undefined) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `${detail === true ? 'detail' : 'observer'}: needs per-request results, which this run does not keep`,
      { code: 'options_conflict', path: 'perRequest' },
    )
  }
}

/** @throws RouteSimError `seeds_invalid` */
export function seedsFrom(first: number, count: number): readonly number[] {
  checkSeed('seed', first, 0, Number.MAX_SAFE_INTEGER - MOST_SEEDS)
  checkSeed('seeds', count, 1, MOST_SEEDS)
  return Array.from({ length: count }, (_, i) => first + i)
}

/**
 * What routers see, as the options say it, else the config.
 * @throws RouteSimError `visibility_invalid`
 */
export function visibilitiesOf(
  specs: ExperimentOptions['visibility'],
  config: Config,
): readonly Visibility[] {
  if (specs === undefined) return [toVisibility(config.visibility)]
  const visibilities = [specs].flat().map(parseVisibility)
  const names = visibilities.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (names.length > 0 && twice === undefined) return visibilities
  throw new RouteSimError<ExperimentsErrorCode>(
    `visibility: expected at least one, and all different, got ${twice === undefined ? 'none' : `${twice} twice`}`,
    { code: 'visibility_invalid', path: 'visibility' },
  )
}

function checkSeed(name: string, value: number, from: number, to: number): void {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${name}: expected an integer from ${from} to ${to}, got ${value}`,
    { code: 'seeds_invalid', path: name },
  )
}

/** Tells what is simulated; of requests that differ with the seed, those of the first. */
export async function describeScenario(
  {
    config,
    fleet,
    seeds,
    perRequest,
    visibilities,
  }: Pick<PreparedFleet, 'config' | 'fleet' | 'seeds' | 'perRequest' | 'visibilities'>,
  workload: WorkloadSource,
  signal: AbortSignal | undefined,
): Promise<ScenarioInfo> {
  // Makes the requests, which the first run takes.
  const table = perRequest ? await workload.requests(seeds[0]!, signal) : undefined
  const { requests, spanMs } = await workload.extent(seeds[0]!, signal)
  return {
    name: config.simulation.name,
    source: workload.description,
    requests,
    spanMs,
    backends: fleet.cluster.backends.length,
    gpu: fleet.gpu,
    fleet: fleet.description,
    fleetPricePerHour: fleet.pricePerHour.reduce((sum, price) => sum + price, 0),
    visibility: visibilities.map(({ name }) => name).join(' and '),
    events: backendEvents(config.events),
    seeds,
    notes: [
      ...workload.notes,
      ...(seeds.length > 1 && !workload.isSeeded ? [SAME_REQUESTS] : []),
      ...idleSettings(config),
      ...linkNotes(config.cluster),
      ...lengthNotes(config.cluster),
      ...(table === undefined ? [] : notesOn(table, config, fleet)),
    ],
  }
}

function notesOn(table: RequestTable, { cluster, slo, events }: Config, fleet: Fleet): string[] {
  return [
    ...requestNotes(table),
    ...lateEvents(backendEvents(events), table),
    ...windowNotes(cluster, table),
    ...contextNotes(cluster, table),
    ...unservedModels(fleet.cluster.backends, table),
    ...idleTargets(slo, table),
  ]
}
