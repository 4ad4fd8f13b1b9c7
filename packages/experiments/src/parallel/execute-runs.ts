import { RouteSimError, shareTable } from '@routesim/core'
import {
  buildFleet,
  type CostedConfig,
  type Fleet,
  type Stepper,
} from '../cluster/build-cluster.js'
import { type Executed, execute, type RunObserver } from '../run/execute.js'
import {
  type AlgorithmChoice,
  type ResolvedAlgorithm,
  resolveAlgorithms,
} from '../run/resolve-algorithms.js'
import { runSettings } from '../run/run-settings.js'
import { visibilitiesOf } from '../run/scenario.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import { chooseJobs } from './choose-jobs.js'
import { type PortableAlgorithm, toPortableAlgorithm } from './portable-algorithm.js'
import { runOnWorkers } from './run-on-workers.js'
import type { PortableRequests } from './worker-messages.js'

/** A fleet and the algorithms in front of it, as one config makes them. */
interface Cast {
  readonly fleet: Fleet
  readonly algorithms: readonly ResolvedAlgorithm[]
}

/** What a run takes from its config. */
export interface RunScenario {
  readonly config: CostedConfig
  /** What this thread has made of it already. */
  readonly cast?: Cast
}

/** One simulation to be done. */
export interface PlannedRun {
  /** Position in the order of results. */
  readonly run: number
  /** One object for all runs of one config. */
  readonly scenario: RunScenario
  /** One object for all runs with the same requests. */
  readonly workload: WorkloadSource
  readonly seed: number
  /** Index into the choices of the plan; with several visibilities, there are as many of each choice. */
  readonly algorithm: number
  /** Whether to keep what pictures need; not by default. */
  readonly detail?: boolean
  /** Rows at which windows begin that are told apart, but the first; of a plan with results per request. */
  readonly windowStarts?: readonly number[] | undefined
}

/** Simulations that share how they are done. */
export interface RunsPlan {
  readonly runs: readonly PlannedRun[]
  readonly choices: readonly AlgorithmChoice[]
  readonly stepper: Stepper
  readonly perRequest: boolean
  readonly sampleIntervalMs: number | undefined
  /** What routers see; as the config of a run says when absent. */
  readonly visibility: string | readonly string[] | undefined
  /** Looks on at every run, which then go on in this thread one after another. */
  readonly observer?: RunObserver | undefined
}

/** How much goes on at once, and until when. */
export interface RunsControl {
  readonly signal?: AbortSignal | undefined
  readonly jobs?: number | undefined
}

/** Hears what comes of each run. */
export interface RunsListener {
  onFraction(run: number, fraction: number): void
  onDone(run: number, executed: Executed): void
  /** Hears of runs that fail, and the rest goes on; without it, the first failure ends all. */
  readonly onFailed?: (run: number, error: Error) => void
}

/**
 * Simulates everything, in this thread or on workers, and returns when all is done or the signal says
 * stop.
 *
 * @throws the error of the first run that fails, when nobody hears of failures
 */
export async function executeRuns(
  plan: RunsPlan,
  { signal, jobs: asked }: RunsControl,
  listener: RunsListener,
): Promise<void> {
  if (plan.runs.length === 0) return
  const requests = plan.runs.map(({ workload }) => workload.expectedRequests)
  const jobs = plan.observer === undefined ? chooseJobs(asked, { ...plan, requests }) : 1
  const portable = plan.choices.map(toPortableAlgorithm)
  try {
    if (jobs > 1 && portable.every((choice) => choice !== undefined)) {
      await inWorkers(plan, portable, jobs, signal, listener)
    } else await inThisThread(plan, signal, listener)
  } catch (error) {
    if (!isInterruption(error)) throw error
  }
}

async function inThisThread(
  plan: RunsPlan,
  signal: AbortSignal | undefined,
  listener: RunsListener,
): Promise<void> {
  let latest: { readonly scenario: RunScenario; readonly cast: Cast } | undefined
  const castOf = (scenario: RunScenario): Cast => {
    if (scenario.cast !== undefined) return scenario.cast
    if (latest?.scenario !== scenario) {
      const { config } = scenario
      const fleet = buildFleet(config, plan.stepper)
      const visibilities = visibilitiesOf(plan.visibility, config)
      const algorithms = resolveAlgorithms(plan.choices, config, visibilities)
      latest = { scenario, cast: { fleet, algorithms } }
    }
    return latest.cast
  }
  for (const planned of plan.runs) {
    listener.onFraction(planned.run, 0)
    try {
      listener.onDone(planned.run, await one(plan, planned, castOf, signal, listener))
    } catch (error) {
      if (listener.onFailed === undefined || isInterruption(error)) throw error
      listener.onFailed(planned.run, error as Error)
    }
  }
}

async function one(
  { perRequest, sampleIntervalMs, observer }: RunsPlan,
  { run, scenario, workload, seed, algorithm, detail = false, windowStarts }: PlannedRun,
  castOf: (scenario: RunScenario) => Cast,
  signal: AbortSignal | undefined,
  listener: RunsListener,
): Promise<Executed> {
  const { config } = scenario
  const { fleet, algorithms } = castOf(scenario)
  const requests = await (perRequest
    ? workload.requests(seed, signal)
    : workload.source(seed, signal))
  return execute(
    {
      fleet,
      requests,
      algorithm: algorithms[algorithm]!,
      seed,
      settings: runSettings(config),
      sampleIntervalMs,
      detail,
      windowStarts,
      observer,
    },
    signal,
    (fraction) => listener.onFraction(run, fraction),
  )
}

async function inWorkers(
  { runs, perRequest, stepper, sampleIntervalMs, visibility }: RunsPlan,
  portable: readonly PortableAlgorithm[],
  jobs: number,
  signal: AbortSignal | undefined,
  listener: RunsListener,
): Promise<void> {
  const keyOf = requestKeys(runs)
  const users = new Map<string, number>()
  for (const run of runs) users.set(keyOf(run), (users.get(keyOf(run)) ?? 0) + 1)
  const size = ({ workload }: PlannedRun): number => workload.expectedRequests
  const longestFirst = [...runs].sort((a, b) => size(b) - size(a) || a.run - b.run)
  const queue = longestFirst.map((planned) => {
    const { run, scenario, workload, seed, algorithm, detail = false, windowStarts } = planned
    const requestsKey = keyOf(planned)
    const isShared = perRequest && users.get(requestsKey)! > 1
    return {
      run,
      algorithm,
      seed,
      config: scenario.config,
      detail,
      windowStarts,
      requestsKey,
      requests: () => portableRequests(workload, seed, isShared, signal),
    }
  })
  const setup = { stepper, perRequest, sampleIntervalMs, visibility, algorithms: portable }
  await runOnWorkers({
    setup,
    jobs,
    queue,
    signal,
    onFraction: listener.onFraction,
    onDone: listener.onDone,
    onFailed: listener.onFailed,
  })
}

/** Equal for runs with the same requests. */
function requestKeys(runs: readonly PlannedRun[]): (run: PlannedRun) => string {
  const numbers = new Map<WorkloadSource, number>()
  for (const { workload } of runs) {
    if (!numbers.has(workload)) numbers.set(workload, numbers.size)
  }
  return ({ workload, seed }) => {
    const number = numbers.get(workload)!
    return workload.isSeeded ? `${number} ${seed}` : `${number}`
  }
}

/** Requests that one run alone needs are generated where it runs, at the same time as others. */
export async function portableRequests(
  workload: WorkloadSource,
  seed: number,
  isForSeveral: boolean,
  signal: AbortSignal | undefined,
): Promise<PortableRequests> {
  const { generator } = workload
  if (generator !== undefined && !isForSeveral && !workload.isMade(seed)) {
    return { generator, seed }
  }
  return { table: shareTable(await workload.requests(seed, signal)) }
}

function isInterruption(error: unknown): boolean {
  return error instanceof RouteSimError && error.code === 'interrupted'
}
