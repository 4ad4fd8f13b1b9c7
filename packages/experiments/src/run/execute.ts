import { setImmediate } from 'node:timers/promises'
import {
  type DecisionRecord,
  type Recorder,
  type RequestSource,
  type RequestTable,
  RouteSimError,
  type RunResult,
  Simulation,
  type SimulationOptions,
} from '@routesim/core'
import {
  detailRun,
  type LoadRow,
  LoadSeries,
  RequestStatistics,
  type RunDetail,
  type RunSummary,
  type SummaryOptions,
  summarize,
  summarizeTotals,
  summarizeWithoutEach,
  TokenGapRecorder,
  WindowRecorder,
} from '@routesim/metrics'
import type { Fleet } from '../cluster/build-cluster.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { ResolvedAlgorithm } from './resolve-algorithms.js'
import type { RunSettings } from './run-settings.js'

/** Events between two looks at the outside world: a few ms of work. */
const EVENTS_PER_SLICE = 20_000

/** How the outside world watches and stops long work. */
export interface Control {
  /** Stops the work; what is finished is kept. */
  readonly signal?: AbortSignal
  /** Called now and then. */
  readonly onProgress?: (progress: Progress) => void
}

/** Where the work stands. */
export interface Progress {
  /** What is being simulated. */
  readonly label: string
  /** Simulations finished, and in all. */
  readonly finishedRuns: number
  readonly totalRuns: number
  /** Share of the current simulation that is done, 0 to 1; of several at once, their sum. */
  readonly fraction: number
}

/** Looks on while a run goes on, and at what it leaves behind. */
export interface RunObserver extends Recorder {
  /** Called when the run is over. */
  finished?(result: RunResult): void
  /** Called for every decision of a router, which then says what it is made of. */
  decided?(decision: DecisionRecord, run: ObservedRun): void
}

/** Which run an observer is told of. */
export interface ObservedRun {
  /** The algorithm as results call it. */
  readonly algorithm: string
  readonly seed: number
}

/** What is told of a run. */
export interface Executed {
  readonly summary: RunSummary
  /** What pictures need, when it was asked for. */
  readonly detail?: RunDetail
  /** What the backends did over time, when it was asked for. */
  readonly samples?: readonly LoadRow[]
  /** By window, the run as if it had not been measured; when windows were asked for. */
  readonly withoutWindows?: readonly RunSummary[]
  /** Time between two looks in the end, in ms: longer than asked for when there would be too many. */
  readonly sampledEveryMs?: number
}

/** One simulation, summarized. */
export interface Execution {
  readonly fleet: Fleet
  /** A source for a run that keeps nothing per request. */
  readonly requests: RequestTable | RequestSource
  readonly algorithm: ResolvedAlgorithm
  readonly seed: number
  readonly settings: RunSettings
  /** Whether to keep what pictures need; only of a run that has a table. */
  readonly detail: boolean
  readonly observer?: RunObserver | undefined
  /** Time between two looks at the backends, in ms; none by default. */
  readonly sampleIntervalMs?: number | undefined
  /** Rows at which windows begin, but the first; none by default. Only of a run that has a table. */
  readonly windowStarts?: readonly number[] | undefined
}

/** What is simulated, with fresh routers; not who looks on. */
export function simulationOptions({
  fleet: { cluster },
  requests,
  algorithm: { visibility, create },
  seed,
  settings,
}: Pick<Execution, 'fleet' | 'requests' | 'algorithm' | 'seed' | 'settings'>): SimulationOptions {
  const router = Array.from({ length: visibility.routers.replicas }, () => create())
  return { cluster, requests, router, visibility, seed, ...settings.conditions }
}

/**
 * Simulates and summarizes, letting timers and signals through now and then.
 * @throws RouteSimError `interrupted` when the signal says so
 */
export async function execute(
  { fleet, requests, algorithm, seed, settings, ...told }: Execution,
  signal: AbortSignal | undefined,
  onFraction: (fraction: number) => void,
): Promise<Executed> {
  const { cluster, pricePerHour, gpuCounts } = fleet
  const run = { algorithm: algorithm.label, seed }
  const { detail, observer, sampleIntervalMs, windowStarts } = told
  const { slo } = settings
  const onDecision =
    observer?.decided && ((decision: DecisionRecord) => observer.decided?.(decision, run))
  const series =
    sampleIntervalMs === undefined
      ? undefined
      : new LoadSeries(cluster.backends.length, sampleIntervalMs, spanOf(requests))
  const options = {
    ...simulationOptions({ fleet, requests, algorithm, seed, settings }),
    ...(series && { sampler: series }),
    ...(onDecision && { onDecision }),
    ...(windowStarts && { windowStarts }),
  }
  const telling = {
    summary: { pricePerHour, gpuCounts, slo, events: settings.conditions.events },
    series,
    isDetailed: detail,
    observer,
  }
  const { simulation, summarized } = prepare(options, telling)
  const breathe = async (): Promise<void> => {
    await setImmediate()
    if (signal?.aborted) throw interrupted()
  }
  // Before the first slice too: a run may be over in one, and there may be thousands of runs.
  await breathe()
  while (!simulation.run(EVENTS_PER_SLICE)) {
    await breathe()
    onFraction(simulation.endedRequests / requests.size)
  }
  const { summary, ...rest } = summarized()
  return {
    summary: { ...summary, algorithm: algorithm.label },
    ...rest,
    ...(series && { samples: series.rows(), sampledEveryMs: series.intervalMs }),
  }
}

/** From the first arrival to the last, before which no run ends; from 0 to 0 where requests are still to be read. */
function spanOf(requests: Execution['requests']): { fromMs: number; toMs: number } {
  const table = 'arrivalMs' in requests ? requests : requests.table
  const { arrivalMs } = table ?? { arrivalMs: [] }
  return { fromMs: arrivalMs[0] ?? 0, toMs: arrivalMs[arrivalMs.length - 1] ?? 0 }
}

/** What is kept of a run, and who looks on. */
interface Telling {
  readonly summary: SummaryOptions
  readonly series: LoadSeries | undefined
  readonly isDetailed: boolean
  readonly observer: RunObserver | undefined
}

/** A simulation with the recorder that its requests ask for, and what makes a summary of both. */
function prepare(
  options: SimulationOptions,
  { summary, series, isDetailed, observer }: Telling,
): { simulation: Simulation; summarized: () => Executed } {
  const { cluster, requests } = options
  if ('next' in requests) {
    const roles = cluster.backends.map(({ role }) => role)
    const recorder = new RequestStatistics(roles, summary.slo, summary.events)
    if (series !== undefined) alsoHear(recorder, series)
    const heard = recorder.hearing(requests, options.warmupRequests)
    const simulation = new Simulation({ ...options, requests: heard, recorder })
    const summarized = () => ({ summary: summarizeTotals(simulation.totals(), recorder, summary) })
    return { simulation, summarized }
  }
  const { windowStarts } = options
  const windows = windowStarts && new WindowRecorder()
  const recorder = windows ?? new TokenGapRecorder()
  const simulation = new Simulation({ ...options, recorder: watched(recorder, observer) })
  const summarized = (): Executed => {
    const result = simulation.result()
    observer?.finished?.(result)
    for (let row = 0; series !== undefined && row < result.requests.size; row++) {
      series.addRequest(row, result.requests, result.outcomes)
    }
    const told = {
      summary: summarize(result, recorder.gaps, summary),
      ...(windows && {
        withoutWindows: summarizeWithoutEach(result, windows, windowStarts, summary),
      }),
    }
    return isDetailed ? { ...told, detail: detailRun(result, recorder.gaps) } : told
  }
  return { simulation, summarized }
}

/** The recorder, and an observer with it: the engine simulates every step only when one looks at them. */
function watched(recorder: TokenGapRecorder, observer: RunObserver | undefined): Recorder {
  if (observer === undefined) return recorder
  const { stepCompleted, requestEnded } = observer
  return {
    tokenGaps: (runs) => {
      recorder.tokenGaps(runs)
      observer.tokenGaps?.(runs)
    },
    ...(stepCompleted && { stepCompleted: stepCompleted.bind(observer) }),
    ...(requestEnded && { requestEnded: requestEnded.bind(observer) }),
  }
}

/**
 * Rows are given to other requests once theirs have ended, so hits are counted then: of measured requests,
 * since a recorder hears of no others.
 */
function alsoHear(recorder: RequestStatistics, series: LoadSeries): void {
  const count = recorder.requestEnded.bind(recorder)
  recorder.requestEnded = (row, requests, outcomes) => {
    count(row, requests, outcomes)
    series.addRequest(row, requests, outcomes)
  }
}

export function interrupted(): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError('interrupted', { code: 'interrupted' })
}
