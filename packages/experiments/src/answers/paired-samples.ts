import type { RequestTable } from '@routesim/core'
import { editTrace } from '@routesim/traces'
import { moveEvents } from '../config/move-events.js'
import type { Config } from '../config/schema.js'
import type { TrafficStore } from '../sweep/traffic.js'
import { trafficOf } from './run-trials.js'
import { searchInvalid } from './search-options.js'

/** A piece of traffic under one seed, in which things are held against each other. */
export interface Sample {
  readonly traffic: TrafficStore
  readonly seed: number
  /** The config with as many unmeasured requests as the piece begins with, and with its events where the piece has them. */
  readonly adapted: (config: Config) => Config
}

/** A window of fewer requests has no percentiles. */
const FEWEST_REQUESTS = 50

/**
 * Windows of a trace that follow one another, each measured on its own after a window that only fills
 * queues and caches; at the beginning of the trace there is none.
 *
 * @param from - first row that may be measured; rows before it may lead in
 * @param windows - at most: fewer where each would have too few requests
 * @param warmup - requests that are not measured of a window at the beginning of the trace
 * @throws RouteSimError `search_invalid` when there are too few requests for two windows
 */
export function windowsOf(
  table: RequestTable,
  {
    from,
    windows,
    warmup,
    seed,
  }: {
    readonly from: number
    readonly windows: number
    readonly warmup: number
    readonly seed: number
  },
): Sample[] {
  const rows = table.size - from
  const unmeasured = from === 0 ? warmup : 0
  const least = FEWEST_REQUESTS + unmeasured
  const count = Math.min(windows, Math.floor(rows / least))
  if (count < 2) {
    const why = unmeasured === 0 ? '' : ` after a warm-up of ${unmeasured}`
    throw searchInvalid(
      'trace',
      `at least ${2 * least} requests to compare in${why}`,
      rows,
      'Intervals need several windows of a trace.',
    )
  }
  const size = Math.floor(rows / count)
  return Array.from({ length: count }, (_, i): Sample => {
    const start = from + i * size
    return windowOf(table, {
      from: start,
      to: i === count - 1 ? table.size : start + size,
      lead: size,
      seed,
    })
  })
}

/** Some rows of a trace, after as many that only lead in, as far as there are. */
export function windowOf(
  table: RequestTable,
  rows: {
    readonly from: number
    readonly to: number
    readonly lead: number
    readonly seed: number
  },
): Sample {
  const lead = Math.min(rows.from, rows.lead)
  const first = rows.from - lead
  const fromMs = startOf(table, first, rows.to)
  return {
    traffic: trafficOf(rowsOf(table, first, rows.to)),
    seed: rows.seed,
    adapted(config) {
      const events = moveEvents(config.events, { fromMs })
      // The requests come as they are: they have been at their other times since before they were cut.
      const { arrivals, ...trace } = config.trace
      if (lead === 0 && events === config.events && arrivals === undefined) return config
      const { warmup_requests: warmup } = config.simulation
      const simulation = { ...config.simulation, warmup_requests: lead === 0 ? warmup : lead }
      return { ...config, events, simulation, trace }
    },
  }
}

/** Generated traffic under several seeds: the same requests for all that are compared. */
export function seedsOf(traffic: TrafficStore, seeds: readonly number[]): Sample[] {
  return seeds.map((seed) => ({ traffic, seed, adapted: (config) => config }))
}

/** The requests of some rows, the first at 0 ms unless they are all. */
export function rowsOf(table: RequestTable, from: number, to: number): RequestTable {
  if (isWhole(table, from, to)) return table
  const fromMs = table.arrivalMs[from]! - table.arrivalMs[0]!
  return editTrace(table, { fromMs, filter: (row) => row >= from && row < to })
}

/** What is 0 ms to the requests of some rows, by the clock of all. */
function startOf(table: RequestTable, from: number, to: number): number {
  return isWhole(table, from, to) ? 0 : table.arrivalMs[from]!
}

function isWhole(table: RequestTable, from: number, to: number): boolean {
  return from === 0 && to >= table.size
}
