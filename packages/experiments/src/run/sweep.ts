import { RouteSimError } from '@routesim/core'
import type { RunDetail } from '@routesim/metrics'
import type { ExperimentsErrorCode } from '../errors.js'
import { generatedWorkload } from '../workload/load-workload.js'
import { type AlgorithmChoice, resolveAlgorithms } from './resolve-algorithms.js'
import {
  describeScenario,
  type ExperimentOptions,
  prepareFleet,
  type ScenarioInfo,
} from './scenario.js'
import { type AlgorithmSummary, simulateAll } from './simulate-all.js'

/** Seconds of traffic per rate, as in the original RouteSim. */
const DEFAULT_DURATION_SEC = 60

/** Options of {@link sweep}. */
export interface SweepOptions extends Omit<ExperimentOptions, 'trace'> {
  /** Arrival rates in requests per second, at least one. */
  readonly rates: readonly number[]
  /** Length of the generated traffic in seconds; the config's by default. */
  readonly durationSec?: number | undefined
  /** `round_robin` by default. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
}

/** One point of a sweep. */
export interface SweepPoint {
  /** Arrival rate in requests per second. */
  readonly rate: number
  readonly result: AlgorithmSummary
  /** Of the first seed, when `detail` was asked for. */
  readonly detail?: RunDetail
}

/** What {@link sweep} found. */
export interface SweepReport {
  readonly scenario: ScenarioInfo
  /** Seconds of traffic per rate. */
  readonly durationSec: number
  readonly points: readonly SweepPoint[]
  /** True when it was stopped: `points` holds what was finished by then. */
  readonly interrupted: boolean
}

/**
 * Simulates generated traffic, shaped by the config's trace section, at each of several rates.
 *
 * @throws RouteSimError when no rate is given, or the config or an algorithm is faulty
 */
export async function sweep({
  rates,
  durationSec,
  algorithms: choices = ['round_robin'],
  ...options
}: SweepOptions): Promise<SweepReport> {
  if (rates.length === 0) {
    throw new RouteSimError<ExperimentsErrorCode>('rates: expected at least one rate, got none', {
      code: 'rates_missing',
      hint: 'Give the rates in requests per second, as in --rates 50,100,200.',
    })
  }
  const prepared = await prepareFleet(options)
  const { trace } = prepared.config
  const algorithms = resolveAlgorithms(choices, prepared.config, prepared.visibilities)
  const seconds = durationSec ?? trace.duration_sec ?? DEFAULT_DURATION_SEC
  const traffic = rates.map((rate) => generatedWorkload({ ...trace, rate, duration_sec: seconds }))
  const described = await describeScenario(prepared, traffic[0]!, options.signal)
  const plan = { ...prepared, workloads: traffic, algorithms }
  const { summaries, details, interrupted, notes } = await simulateAll(plan, options)
  const points = summaries.flatMap((results, i) =>
    results.map((result, at) => {
      const detail = details[i]![at]
      return { rate: rates[i]!, result, ...(detail && { detail }) }
    }),
  )
  const scenario = { ...described, notes: [...described.notes, ...notes] }
  return { scenario, durationSec: seconds, points, interrupted }
}
