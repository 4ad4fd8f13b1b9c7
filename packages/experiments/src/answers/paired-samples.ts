import type { RequestTable } from '@routesim/core'
import { editTrace } from '@routesim/traces'
import type { Config } from '../config/schema.js'
import type { TrafficStore } from '../sweep/traffic.js'
import { LEAST_BEYOND } from './paired-difference.js'
import { trafficOf } from './run-trials.js'
import { searchInvalid } from './search-options.js'

/** Traffic under one seed, in which things are held against each other. */
export interface Sample {
  readonly traffic: TrafficStore
  readonly seed: number
  /** The config for this traffic. */
  readonly adapted: (config: Config) => Config
  /** Rows at which windows begin, but the first, where it is compared window by window. */
  readonly windowStarts?: readonly number[]
}

/** A window of fewer requests tells too little. */
const FEWEST_REQUESTS = 50
/** Windows of a trace that intervals are taken from. */
export const DEFAULT_WINDOWS = 8
/** Fewer make intervals wide: Student's t grows. */
const FEWEST_FOR_PERCENTILES = 4
/** Requests of a window of which enough are beyond its P99. */
const REQUESTS_FOR_P99 = 100 * LEAST_BEYOND

/**
 * The rows at which windows of a trace begin, but the first: as many requests in each.
 *
 * @param from - first row that is measured
 * @param windows - at most: fewer where each would have too few requests; 8 by default, or 4 to 7 where each of them
 * then has enough for a P99
 * @throws RouteSimError `search_invalid` when there are too few requests for two windows
 */
export function windowStartsOf(
  { size }: RequestTable,
  { from, windows }: { readonly from: number; readonly windows?: number | undefined },
): number[] {
  const rows = Math.max(0, size - from)
  const count = Math.min(windows ?? usualWindows(rows), Math.floor(rows / FEWEST_REQUESTS))
  if (count < 2) {
    throw searchInvalid(
      'trace',
      `at least ${2 * FEWEST_REQUESTS} requests to compare in`,
      rows,
      'Intervals need several windows of a trace, without its warm-up.',
    )
  }
  return Array.from({ length: count - 1 }, (_, i) => from + Math.floor((rows * (i + 1)) / count))
}

function usualWindows(rows: number): number {
  const full = Math.floor(rows / REQUESTS_FOR_P99)
  return full < FEWEST_FOR_PERCENTILES ? DEFAULT_WINDOWS : Math.min(full, DEFAULT_WINDOWS)
}

/**
 * The first rows of a trace as traffic of their own, without the requests after them.
 * @param events - what happens to backends by the times of these requests
 */
export function beginningOf(
  table: RequestTable,
  rows: number,
  events: Config['events'],
): Omit<Sample, 'seed'> {
  return {
    traffic: trafficOf(editTrace(table, { head: rows })),
    adapted(config) {
      // The requests come as they are: they were given their other times before they were cut.
      const { arrivals: _, ...trace } = config.trace
      return { ...config, events, trace }
    },
  }
}

/** Generated traffic under several seeds: the same requests for all that are compared. */
export function seedsOf(traffic: TrafficStore, seeds: readonly number[]): Sample[] {
  return seeds.map((seed) => ({ traffic, seed, adapted: (config) => config }))
}
