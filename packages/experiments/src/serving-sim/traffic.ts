import type { RequestTable } from '@routesim/core'
import {
  readTrace,
  type SERVING_SIMULATOR_SOURCES,
  servingSimulatorRequests,
} from '@routesim/traces'
import { requestsHash } from '../sweep/point-key.js'
import { fixedWorkload, type WorkloadSource } from '../workload/load-workload.js'

/** Where the requests of all combinations come from. */
export interface ServingSimTraffic {
  readonly source: (typeof SERVING_SIMULATOR_SOURCES)[number]
  /** `mooncake`: a trace in any known format. */
  readonly tracePath: string
  /** The others: how many requests, the exponent, and the mean of the logarithm. */
  readonly requestCount: number
  readonly zipfS: number
  readonly lognormalMean: number
  readonly seed: number
}

/** Deviation of the logarithm of prompt lengths, which the serving simulator has no flag for. */
const LOG_STD = 1

/** Requests at one rate. */
export interface ArrivingRequests {
  readonly workload: WorkloadSource
  /** Of the requests, for the key of a run. */
  readonly hash: string
}

/**
 * The requests at each of several rates: the same lengths at other times.
 * @throws RouteSimError `generator_invalid`, and what reading a trace throws
 */
export async function requestsAtRates(
  traffic: ServingSimTraffic,
  rates: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Map<number, ArrivingRequests>> {
  const { source, tracePath, seed, requestCount: requests } = traffic
  const { zipfS: zipfExponent, lognormalMean: logMean } = traffic
  const isRead = source === 'mooncake'
  const trace: RequestTable | undefined = isRead
    ? (await readTrace(tracePath, { signal })).table
    : undefined
  const shape = { source, seed, trace, requests, zipfExponent, logMean, logStd: LOG_STD }
  const made = new Map<number, ArrivingRequests>()
  for (const rateRps of rates) {
    const table = servingSimulatorRequests({ ...shape, rateRps })
    const workload = fixedWorkload(table, isRead ? tracePath : source, [])
    made.set(rateRps, { workload, hash: requestsHash(table) })
  }
  return made
}
