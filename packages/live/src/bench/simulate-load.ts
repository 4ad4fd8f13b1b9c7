import type { ClusterSpec, Visibility } from '@routesim/core'
import { OUTCOME, type RequestTable, type RoutingAlgorithm, Simulation } from '@routesim/core'
import type { LoadRun, RequestMeasurement } from './request-measurement.js'

/** How a workload is simulated instead of sent. */
export interface SimulateLoadOptions {
  readonly cluster: ClusterSpec
  readonly requests: RequestTable
  readonly router: RoutingAlgorithm
  readonly concurrency?: number | undefined
  readonly isOpenLoop: boolean
  readonly speedup: number
  /** What the router sees; everything, at once, if absent. */
  readonly visibility?: Visibility
  readonly seed: number
}

/** Runs a workload in the simulator, and measures what a load generator would see. */
export function simulateLoad(options: SimulateLoadOptions): LoadRun {
  const { cluster, router, seed, concurrency, visibility } = options
  const requests = withoutWaits({ ...options.requests, arrivalMs: arrivalsOf(options) })
  const simulation = new Simulation({
    cluster,
    requests,
    router,
    seed,
    ...(visibility && { visibility }),
    ...(concurrency === undefined ? {} : { maxInFlight: concurrency }),
  })
  while (!simulation.run());
  const { outcomes, sentMs, rejectReasons } = simulation.result()
  const measurements = Array.from({ length: requests.size }, (_, row): RequestMeasurement => {
    const isDone = outcomes.outcome[row] === OUTCOME.completed
    const reason = rejectReasons[outcomes.rejectReason[row]!] ?? 'unfinished'
    return {
      row,
      scheduledMs: options.isOpenLoop ? requests.arrivalMs[row]! : sentMs[row]!,
      sentMs: sentMs[row]!,
      firstTokenMs: outcomes.firstTokenMs[row]!,
      // The simulator keeps no single token.
      secondTokenMs: Number.NaN,
      endMs: isDone ? outcomes.finishedMs[row]! : sentMs[row]!,
      promptTokens: requests.promptTokens[row]!,
      outputTokens: isDone ? requests.outputTokens[row]! : 0,
      cachedTokens: outcomes.cachedTokens[row]!,
      error: isDone ? undefined : reason,
    }
  })
  return { measurements, target: `simulated ${router.name}`, startedMs: 0 }
}

/** A load generator sends requests at their times, whatever they wait for. */
function withoutWaits(requests: RequestTable): RequestTable {
  const { predecessor: _, thinkMs: _think, joinRow: _row, joinAwaited: _awaited, ...all } = requests
  return all
}

function arrivalsOf({ requests, isOpenLoop, speedup }: SimulateLoadOptions): Float64Array {
  const { arrivalMs } = requests
  const first = arrivalMs[0] ?? 0
  return arrivalMs.map((ms) => (isOpenLoop ? (ms - first) / speedup : 0))
}
