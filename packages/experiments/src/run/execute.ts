import { setImmediate } from 'node:timers/promises'
import {
  type RequestSource,
  type RequestTable,
  RouteSimError,
  Simulation,
  type SimulationOptions,
} from '@routesim/core'
import {
  RequestStatistics,
  type RunSummary,
  summarize,
  summarizeTotals,
  TokenGapRecorder,
} from '@routesim/metrics'
import type { Fleet } from '../cluster/build-cluster.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { ResolvedAlgorithm } from './resolve-algorithms.js'

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

/** One simulation, summarized. */
export interface Execution {
  readonly fleet: Fleet
  /** A source for a run that keeps nothing per request. */
  readonly requests: RequestTable | RequestSource
  readonly algorithm: ResolvedAlgorithm
  readonly seed: number
  readonly warmupRequests: number
}

/**
 * Simulates and summarizes, letting timers and signals through now and then.
 * @throws RouteSimError `interrupted` when the signal says so
 */
export async function execute(
  { fleet, requests, algorithm, seed, warmupRequests }: Execution,
  signal: AbortSignal | undefined,
  onFraction: (fraction: number) => void,
): Promise<RunSummary> {
  const { visibility } = algorithm
  const { replicas } = visibility.routers
  const routers = Array.from({ length: replicas }, () => algorithm.create())
  const { cluster, pricePerHour } = fleet
  const options = { cluster, requests, router: routers, visibility, seed, warmupRequests }
  const { simulation, summarized } = prepare(options, pricePerHour)
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
  return { ...summarized(), algorithm: algorithm.label }
}

/** A simulation with the recorder that its requests ask for, and what makes a summary of both. */
function prepare(
  options: SimulationOptions,
  pricePerHour: readonly number[],
): { simulation: Simulation; summarized: () => RunSummary } {
  const { cluster, requests } = options
  if ('next' in requests) {
    const recorder = new RequestStatistics(cluster.backends.length)
    const simulation = new Simulation({ ...options, recorder })
    const summarized = () => summarizeTotals(simulation.totals(), recorder, { pricePerHour })
    return { simulation, summarized }
  }
  const recorder = new TokenGapRecorder()
  const simulation = new Simulation({ ...options, recorder })
  const summarized = () => summarize(simulation.result(), recorder.gaps, { pricePerHour })
  return { simulation, summarized }
}

export function interrupted(): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError('interrupted', { code: 'interrupted' })
}
