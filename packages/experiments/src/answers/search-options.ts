import { parseRouterSpec } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import { buildFleet } from '../cluster/build-cluster.js'
import type { ConfigSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import {
  checkConcurrency,
  checkStepper,
  describeScenario,
  type ExperimentOptions,
  type ScenarioInfo,
  seedsFrom,
  visibilitiesOf,
  withConcurrency,
  withTargets,
} from '../run/scenario.js'
import type { TrafficStore } from '../sweep/traffic.js'
import { parseVisibility } from '../visibility/resolve-visibility.js'
import type { TrialOptions } from './run-trials.js'

/** What every search needs to know. */
export interface SearchOptions
  extends Omit<ExperimentOptions, 'sampleIntervalMs' | 'detail' | 'observer' | 'visibility'> {
  /** What routers see: a profile, perhaps with settings; `[visibility]` of the config by default. */
  readonly visibility?: string | undefined
}

/** Seeds and ways of a search, checked. */
export interface PreparedSearch extends TrialOptions {
  readonly seeds: readonly number[]
  /** Config values that the options say, by path. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly concurrency: number | undefined
}

/** @param seeds - how many when the options do not say */
export function prepareSearch(
  options: SearchOptions,
  config: Config,
  seeds: number,
): PreparedSearch {
  checkStepper(options)
  const { stepper = 'fast', perRequest = true, jobs, signal, onProgress, visibility } = options
  return {
    ...{ stepper, perRequest, jobs },
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    seeds: seedsFrom(options.seed ?? config.simulation.seed, options.seeds ?? seeds),
    settings: visibility === undefined ? {} : { visibility: visibilityTable(visibility) },
    concurrency: options.concurrency,
  }
}

/**
 * The `[visibility]` table that a profile with settings stands for.
 * @throws RouteSimError `visibility_invalid`
 */
export function visibilityTable(spec: string): Readonly<Record<string, unknown>> {
  parseVisibility(spec)
  const { name, parameters } = parseRouterSpec(spec)
  return { profile: name.replaceAll('_', '-'), ...parameters }
}

/**
 * The config of a candidate: with what the options say, and what sets it apart.
 * @throws RouteSimError `config_invalid`, `options_conflict`
 */
export function configWith(
  source: ConfigSource,
  { settings, concurrency, perRequest }: PreparedSearch,
  own: Readonly<Record<string, unknown>>,
  slo: SearchOptions['slo'],
): Config {
  const limit = Object.hasOwn(own, 'workload.concurrency') ? undefined : concurrency
  const config = withConcurrency(withTargets(source.with({ ...settings, ...own }), slo), limit)
  checkConcurrency(perRequest, config)
  return config
}

/** Tells what is simulated, of a config and its traffic. */
export async function describeSearch(
  config: Config,
  traffic: TrafficStore,
  rate: number | undefined,
  { seeds, perRequest, signal }: PreparedSearch,
): Promise<ScenarioInfo> {
  const { config: own, workload } = await traffic.at(config, rate)
  const fleet = buildFleet(own)
  const visibilities = visibilitiesOf(undefined, own)
  const prepared = { config: own, fleet, perRequest, seeds, visibilities }
  return describeScenario(prepared, workload, signal)
}

/**
 * @param path - the option that is wrong
 * @param subject - which of its values, where it has several
 */
export function searchInvalid(
  path: string,
  expected: string,
  found: unknown,
  hint?: string,
  subject?: string,
): RouteSimError<ExperimentsErrorCode> {
  const got = found === undefined ? 'nothing' : String(found)
  const where = subject === undefined ? path : `${path} ${subject}`
  return new RouteSimError(`${where}: expected ${expected}, got ${got}`, {
    code: 'search_invalid',
    path,
    ...(hint !== undefined && { hint }),
  })
}
