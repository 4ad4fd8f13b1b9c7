import { configSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import { rateNotes, whyOtherRate } from '../notes/rate-notes.js'
import { type AlgorithmChoice, checkLabels, labelOfChoice } from '../run/resolve-algorithms.js'
import { checkDuration, earlyEndNotes, TrafficStore } from '../sweep/traffic.js'
import type { BorderSearch } from './border-search.js'
import { type Candidate, candidatesOf, notesOnCandidates } from './capacity-candidate.js'
import type { CapacityAnswer, CapacityReport } from './capacity-report.js'
import { answerOf, type Search, searchAll } from './capacity-search.js'
import { capacityVerdict } from './capacity-verdict.js'
import { fleetSizes } from './fleet-sizes.js'
import { type RateRange, RateSearch } from './rate-search.js'
import {
  configWith,
  describeSearch,
  type PreparedSearch,
  prepareSearch,
  type SearchOptions,
  searchInvalid,
} from './search-options.js'
import { SizeSearch } from './size-search.js'
import { type Shortage, shortagesOf } from './traffic-length.js'

/** Options of {@link capacity}. */
export interface CapacityOptions extends SearchOptions {
  /** `round_robin` by default. */
  readonly algorithms?: readonly AlgorithmChoice[] | undefined
  /**
   * Largest rate (`rate`) or smallest number of backends (`backends`) that meets the targets; backends
   * by default when a rate or GPU types are given, else the rate.
   */
  readonly find?: 'rate' | 'backends' | undefined
  /** Requests per second that a fleet has to carry; those of the traffic as it is by default. */
  readonly rate?: number | undefined
  /** GPU types to choose among, perhaps with keys of `[cluster]`, such as `L40S:tp=2`. */
  readonly gpus?: readonly string[] | undefined
  /** Share of requests that must meet all their targets; `slo.attainment` of the config by default. */
  readonly attainment?: number | undefined
  /** Width of the interval in which the largest rate is told, relative to it; 0.02 by default. */
  readonly precision?: number | undefined
  /** Length of traffic generated at a rate, in seconds; the config's by default. */
  readonly durationSec?: number | undefined
  /** Config path of the count of one of `[[cluster.backends]]`, which makes a fleet larger. */
  readonly scale?: string | undefined
}

/** Generated traffic is tried under so many seeds, so that one odd burst does not decide. */
const GENERATED_SEEDS = 3
/** A rate this many times the one that is tried first, and as small a part of it, are the last tried. */
const MOST_FACTOR = 1024
/** Times that generated traffic is made longer. */
const MOST_LENGTHENED = 3
/** A run of fewer requests tells nothing of a share. */
const FEWEST_REQUESTS = 20

/**
 * Finds the largest rate that a fleet carries within its targets, the smallest fleet that carries a
 * rate, or the cheapest among GPU types. Every value is tried under the same seeds, so that it meets the
 * same requests (common random numbers); a value meets the targets when the mean share of requests that
 * met theirs is large enough and no seed overloads the fleet. Assumes that more load or fewer backends
 * never help. Generated traffic of which nobody says how long it lasts is made longer where requests take so long
 * that it would not show whether the fleet keeps up, or come so rarely that chance would tell their share.
 *
 * @throws RouteSimError `search_invalid` when there are no targets or options make no sense
 *
 * @example
 * const { answers } = await capacity({
 *   config: 'configs/default.toml',
 *   slo: { ttftMs: 500 },
 *   algorithms: ['round_robin', 'prefix_overlap'],
 * })
 */
export async function capacity(options: CapacityOptions): Promise<CapacityReport> {
  const source = await configSource(options.config)
  const isRead = options.trace !== undefined || source.config.trace.path !== undefined
  const prepared = prepareSearch(options, source.config, isRead ? 1 : GENERATED_SEEDS)
  const { rate, gpus, precision = 0.02 } = options
  const find = options.find ?? (rate !== undefined || gpus !== undefined ? 'backends' : 'rate')
  const attainment = options.attainment ?? source.config.slo.attainment
  check(options, find, attainment, precision)
  const hasRates = find === 'rate' || rate !== undefined
  checkDuration(options, !isRead, hasRates)
  const choices = options.algorithms ?? ['round_robin']
  if (choices.length === 0) throw searchInvalid('algorithms', 'at least one', 'none')
  checkLabels(choices.map(labelOfChoice))
  let traffic = new TrafficStore({ ...options, configPath: source.path })
  const base = configWith(source, prepared, {}, options.slo)
  const startRps = find === 'rate' ? await startingRate(base, traffic, prepared) : 0
  const problems = new Map<Candidate, string>()
  const all = candidatesOf(choices, gpus, source)
  const make = (own: Readonly<Record<string, unknown>>): Config =>
    configWith(source, prepared, own, options.slo)
  const searchesIn = (traffic: TrafficStore): Search[] =>
    all.flatMap((candidate): Search[] => {
      try {
        const config = make(candidate.settings)
        const sizes =
          find === 'rate' ? undefined : fleetSizes(config, options.scale, prepared.stepper)
        const duration = isRead ? undefined : traffic.durationSec(config)
        const rates = ratesFrom(startRps, duration, config)
        const begin = (): BorderSearch =>
          sizes === undefined ? new RateSearch({ ...rates, precision }) : new SizeSearch(sizes)
        return [{ ...candidate, bracket: begin(), begin, sizes, base: config, tried: [] }]
      } catch (error) {
        // Of several GPU types, one may be too small for the model.
        if (gpus === undefined || gpus.length === 1) throw error
        problems.set(candidate, (error as Error).message)
        return []
      }
    })
  let searches = searchesIn(traffic)
  if (searches.length === 0) throw searchInvalid('gpus', 'one that fits', [...problems.values()][0])
  const how = { find, rate, attainment, prepared, make }
  const askedSec = traffic.durationSec(base)
  const mayLengthen = !isRead && hasRates && traffic.askedSec(base) === undefined
  let runs = 0
  let shortages: readonly Shortage[] = []
  let lengthened: Shortage | undefined
  for (let times = 0; ; times++) {
    runs += await searchAll(searches, { ...how, traffic })
    shortages = shortagesOf(searches, attainment)
    const [most] = [...shortages].sort((a, b) => b.enoughSec - a.enoughSec)
    if (most === undefined || !mayLengthen || times === MOST_LENGTHENED) break
    const { enoughSec: durationSec } = most
    if (durationSec <= traffic.durationSec(base)) break
    lengthened = most
    traffic = new TrafficStore({ ...options, durationSec, configPath: source.path })
    searches = searchesIn(traffic)
  }
  const [first] = searches
  const info = await describeSearch(first!.base, traffic, rate, prepared)
  const { workload } = await traffic.at(first!.base, rate)
  const why = await whyOtherRate(workload, first!.base, prepared.seeds[0]!)
  const asked = rate ?? workload.rateRps
  const labelOf = (choice: AlgorithmChoice): string =>
    (searches.find((search) => search.choice === choice) ?? first!).tried[0]!.runs[0]!.algorithm
  const answers = all.map((candidate): CapacityAnswer => {
    const search = searches.find(
      ({ choice, gpu }) => choice === candidate.choice && gpu === candidate.gpu,
    )
    return search === undefined
      ? untried(candidate, labelOf(candidate.choice), problems.get(candidate)!)
      : answerOf(search, { ...how, rate: asked }, why)
  })
  const found = { find, rate: rate ?? null, attainment, precision, answers, runs }
  const told = await notesOnRates({ ...found, rate: asked ?? null }, first!.base, traffic, why)
  const durationSec = traffic.durationSec(base)
  const isOpen = (enoughSec: number): boolean => !isRead && hasRates && enoughSec > durationSec
  const notes = [
    ...info.notes,
    ...notesOnCandidates(all, source),
    ...told,
    ...(lengthened === undefined ? [] : [lengthened.lengthenedNote(askedSec, durationSec)]),
    ...shortages.map((shortage) => shortage.note(isOpen(shortage.enoughSec))),
  ]
  return { scenario: { ...info, notes }, ...found, verdict: capacityVerdict(found) }
}

/** Says where requests came at another rate than was asked for, or for a shorter time. */
async function notesOnRates(
  { find, rate, answers }: Pick<CapacityReport, 'find' | 'rate' | 'answers'>,
  config: Config,
  traffic: TrafficStore,
  why: readonly string[],
): Promise<string[]> {
  const told = answers.flatMap(({ meets, misses, offered_per_sec: offered, probes }) => {
    const at = meets ?? misses
    const asked = find === 'rate' ? at : rate
    const requests = probes.find(({ value }) => value === at)?.requests ?? 0
    return asked === null ? [] : [{ rate: asked, offered, requests }]
  })
  const ends = await Promise.all(
    told.map(async ({ rate: asked }) => {
      const { workload } = await traffic.at(config, asked)
      const end = traffic.earlyEnd(config, workload, asked)
      return end ?? []
    }),
  )
  return [...rateNotes(told, why), ...earlyEndNotes(ends.flat(), traffic.askedSec(config))]
}

function check(
  { rate, scale }: CapacityOptions,
  find: 'rate' | 'backends',
  attainment: number,
  precision: number,
): void {
  if (find === 'rate' && rate !== undefined) {
    throw searchInvalid('rate', 'nothing when the largest rate is sought', rate)
  }
  if (find === 'rate' && scale !== undefined) {
    throw searchInvalid('scale', 'nothing when the largest rate is sought', scale)
  }
  if (rate !== undefined && !(rate > 0 && rate < Number.POSITIVE_INFINITY)) {
    throw searchInvalid('rate', 'a number > 0', rate)
  }
  if (!(attainment > 0 && attainment <= 1)) {
    throw searchInvalid('attainment', 'a number > 0 and <= 1', attainment)
  }
  if (!(precision >= 0.0001 && precision <= 1)) {
    throw searchInvalid('precision', 'a number from 0.0001 to 1', precision)
  }
}

/** The rate that the traffic has anyway. */
async function startingRate(
  config: Config,
  traffic: TrafficStore,
  { seeds, perRequest, signal }: PreparedSearch,
): Promise<number> {
  const { trace } = config
  for (const key of ['base_rate', 'burst_rate', 'peak_rate', 'trough_rate'] as const) {
    if (trace.path !== undefined || trace[key] === undefined) continue
    throw searchInvalid(
      `trace.${key}`,
      'nothing when the largest rate is sought, so that it follows the rate',
      trace[key],
    )
  }
  const { workload } = await traffic.at(config, undefined)
  // Says what has no rate.
  if (workload.generator !== undefined) await traffic.at(config, 1)
  // Conversations are not made one by one.
  if (perRequest) await workload.requests(seeds[0]!, signal)
  const { requests, spanMs } = await workload.extent(seeds[0]!, signal)
  const rps = ((requests - 1) / spanMs) * 1000
  if (rps > 0 && rps < Number.POSITIVE_INFINITY) return trace.rate ?? rps
  const found = `${requests} requests over ${spanMs} ms`
  throw searchInvalid('trace', 'requests at different times, of which there is a rate', found)
}

function ratesFrom(
  start: number,
  durationSec: number | undefined,
  { simulation }: Config,
): Omit<RateRange, 'precision'> {
  const fewest =
    (FEWEST_REQUESTS + simulation.warmup_requests) / (durationSec ?? Number.POSITIVE_INFINITY)
  const min = Math.max(fewest, start / MOST_FACTOR)
  return { start: Math.max(start, min), min, max: Math.max(start, min) * MOST_FACTOR }
}

function untried({ gpu }: Candidate, algorithm: string, problem: string): CapacityAnswer {
  return {
    algorithm,
    gpu: gpu!,
    ...{ meets: null, misses: null, per_seed: [], bounded_by: null, backends: null },
    ...{ fleet: null, offered_per_sec: null, usd_per_hour: null, probes: [], problem },
  }
}
