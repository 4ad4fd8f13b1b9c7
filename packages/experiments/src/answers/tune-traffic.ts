import type { RequestTable } from '@routesim/core'
import type { Config } from '../config/schema.js'
import type { TrafficStore } from '../sweep/traffic.js'
import {
  beginningOf,
  DEFAULT_WINDOWS,
  type Sample,
  seedsOf,
  windowStartsOf,
} from './paired-samples.js'
import { type PreparedSearch, searchInvalid } from './search-options.js'

/** The rounds of a search, as shares of the traffic that is searched in. */
const SHARES = [1 / 9, 1 / 3, 1]
/** A round on fewer requests tells too little. */
const FEWEST_REQUESTS = 300

/** Traffic to search in, and traffic that the search does not see. */
export interface TuneTraffic {
  /** Ascending to 1. */
  readonly shares: readonly number[]
  /** The first part of the traffic to search in: a piece for each seed. */
  training(share: number): readonly Sample[]
  readonly pairs: 'seeds' | 'windows'
  /** What the result is compared in. */
  readonly heldOut: readonly Sample[]
}

/** What {@link splitTraffic} takes. */
export interface TrafficSplit {
  /** Share of a trace that is held out: its end. */
  readonly holdout: number
  /** Windows of what is held out; of generated traffic, seeds, 8 by default. */
  readonly windows?: number | undefined
}

/**
 * Splits a trace in time: its end is held out, also where its requests arrive at other times under each seed. What
 * comes before leads in to it, so that queues and caches are as they would be.
 * Generated traffic is searched in under the seeds of the search, and held out under those that follow.
 */
export async function splitTraffic(
  config: Config,
  traffic: TrafficStore,
  { seeds, signal }: PreparedSearch,
  { holdout, windows }: TrafficSplit,
): Promise<TuneTraffic> {
  const { config: own, workload } = await traffic.at(config, undefined)
  const { warmup_requests: warmup } = config.simulation
  const tables: Omit<SearchedTable, 'rows'>[] = []
  for (const seed of seeds) tables.push({ seed, table: await workload.requests(seed, signal) })
  if (workload.generator !== undefined) {
    const next = seeds.at(-1)! + 1
    const unseen = Array.from({ length: windows ?? DEFAULT_WINDOWS }, (_, i) => next + i)
    return {
      ...trainingOf(
        tables.map((each) => ({ ...each, rows: each.table.size })),
        { warmup, events: own.events },
      ),
      pairs: 'seeds',
      heldOut: seedsOf(traffic, unseen),
    }
  }
  const { seed, table } = tables[0]!
  const split = Math.floor(table.size * (1 - holdout))
  if (split < FEWEST_REQUESTS / 3) {
    const least = Math.ceil(FEWEST_REQUESTS / 3 / (1 - holdout))
    throw searchInvalid('trace', `at least ${least} requests to search in`, table.size)
  }
  const windowStarts = windowStartsOf(table, { from: split, windows })
  const afterTraining = (given: Config): Config => ({
    ...given,
    simulation: { ...given.simulation, warmup_requests: split },
  })
  return {
    ...trainingOf(
      tables.map((each) => ({ ...each, rows: split })),
      { warmup, events: own.events },
    ),
    pairs: 'windows',
    heldOut: [{ traffic, seed, adapted: afterTraining, windowStarts }],
  }
}

/** Requests of a seed, of which the first so many are there to search in. */
interface SearchedTable {
  readonly seed: number
  readonly table: RequestTable
  readonly rows: number
}

function trainingOf(
  tables: readonly SearchedTable[],
  { warmup, events }: { readonly warmup: number; readonly events: Config['events'] },
): Pick<TuneTraffic, 'shares' | 'training'> {
  const least = Math.min(...tables.map(({ rows }) => rows))
  const shares = SHARES.filter(
    (share) => share === 1 || share * least >= FEWEST_REQUESTS + 2 * warmup,
  )
  const pieces = new Map<number, readonly Sample[]>()
  return {
    shares,
    training(share) {
      const known = pieces.get(share)
      if (known !== undefined) return known
      const byTable = new Map<RequestTable, Omit<Sample, 'seed'>>()
      const made = tables.map(({ seed, table, rows }): Sample => {
        const to = Math.floor(rows * share)
        const piece = byTable.get(table) ?? beginningOf(table, to, events)
        byTable.set(table, piece)
        return { ...piece, seed }
      })
      pieces.set(share, made)
      return made
    },
  }
}
