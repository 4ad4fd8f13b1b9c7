import { confidenceInterval, type RunSummary } from '@routesim/metrics'
import { buildFleet } from '../cluster/build-cluster.js'
import type { Config } from '../config/schema.js'
import { oversizedShare } from '../notes/load-notes.js'
import { isOtherRate } from '../notes/rate-notes.js'
import type { TrafficStore } from '../sweep/traffic.js'
import type { Border, BorderSearch, TriedValue } from './border-search.js'
import type { Candidate } from './capacity-candidate.js'
import type { CapacityAnswer, CapacityProbe } from './capacity-report.js'
import type { FleetSizes } from './fleet-sizes.js'
import { runTrials, type Trial } from './run-trials.js'
import { type PreparedSearch, searchInvalid } from './search-options.js'
import { splitText } from './split-text.js'

/** A candidate under search. */
export interface Search extends Candidate {
  readonly bracket: BorderSearch
  /** The same search, of which nothing has been tried. */
  begin(): BorderSearch
  /** Undefined when the rate is sought. */
  readonly sizes: FleetSizes | undefined
  /** With as many backends as the config says. */
  readonly base: Config
  readonly tried: { readonly value: TriedValue; readonly runs: readonly RunSummary[] }[]
}

/** How candidates are searched. */
export interface SearchRun {
  readonly find: 'rate' | 'backends'
  readonly rate: number | undefined
  readonly attainment: number
  readonly traffic: TrafficStore
  readonly prepared: PreparedSearch
  make(own: Readonly<Record<string, unknown>>): Config
}

/** Takes all searches forward together, so that their runs share the cores. */
export async function searchAll(
  searches: readonly Search[],
  { find, rate, attainment, traffic, prepared, make }: SearchRun,
): Promise<number> {
  const { seeds } = prepared
  const expected = searches.length * seeds.length * (find === 'rate' ? 9 : 6)
  let runs = 0
  for (;;) {
    const steps = searches.flatMap((search) => {
      const value = search.bracket.next()
      return value === undefined ? [] : [{ search, value }]
    })
    if (steps.length === 0) return runs
    const trials = steps.map(({ search, value }): Trial => {
      const { choice } = search
      const config = configAt(search, value, make)
      const isRate = find === 'rate'
      const what = isRate
        ? `${Number(value[0]!.toPrecision(3))} req/s`
        : `${value.join(' + ')} backends`
      return { label: what, config, choice, traffic, rate: isRate ? value[0] : rate, seeds }
    })
    const progress = { done: runs, expected }
    const results = await runTrials(trials, { ...prepared, progress })
    runs += trials.length * seeds.length
    for (const [i, { search, value }] of steps.entries()) {
      const own = results[i]!
      if (own.some(({ slo }) => slo === undefined)) {
        throw searchInvalid(
          'slo',
          'a target that requests have to meet',
          undefined,
          'Give --slo-ttft 500 (ms) or the like, or an [slo] section in the config.',
        )
      }
      if (own.every(({ slo }) => slo?.requests === 0)) {
        throw searchInvalid(
          'slo',
          'a target that some request has to meet',
          'targets of none',
          'Targets of [slo.tenants] and [slo.classes] are those of requests with that tenant or priority.',
        )
      }
      search.tried.push({ value, runs: own })
      search.bracket.tell(value, isMet(own, attainment))
    }
  }
}

/** The config of a search at a value. */
function configAt(
  { base, settings, sizes }: Search,
  value: TriedValue,
  make: SearchRun['make'],
): Config {
  return sizes === undefined ? base : make({ ...settings, ...sizes.settingsOf(value) })
}

/** A value as one number: requests per second, or backends of the whole fleet. */
function numberOf({ sizes }: Search, value: TriedValue): number {
  return value.reduce((sum, each) => sum + each, sizes?.others ?? 0)
}

/** Whether enough requests met their targets, and no run was one that only its end kept small. */
function isMet(runs: readonly RunSummary[], attainment: number): boolean {
  const { mean } = confidenceInterval(runs.map(({ slo }) => slo?.attainment ?? 0))
  return mean! >= attainment && runs.every(({ saturation }) => saturation.verdict !== 'overloaded')
}

/**
 * What came of a search.
 * @param why - what keeps requests from coming at the rate that is asked for; nothing for most traffic
 */
export function answerOf(
  candidate: Search,
  { find, rate, attainment, make }: Pick<SearchRun, 'find' | 'rate' | 'attainment' | 'make'>,
  why: readonly string[],
): CapacityAnswer {
  const { tried, bracket, sizes, base } = candidate
  const toldOf = ({ meets, misses }: Border): Pick<CapacityAnswer, 'meets' | 'misses'> => ({
    meets: meets === undefined ? null : numberOf(candidate, meets),
    misses: misses ?? null,
  })
  const first = tried[0]!.runs
  const bySeed = first.map(({ seed }, i) => {
    const own = candidate.begin()
    for (const { value, runs } of tried) own.tell(value, isMet([runs[i]!], attainment))
    return { seed, ...toldOf(own.border) }
  })
  const { meets } = bracket.border
  const fleet = buildFleet(meets === undefined ? base : configAt(candidate, meets, make))
  const { gpu, groups, pricePerHour } = fleet
  const probes = tried
    .map(({ value, runs }): CapacityProbe => {
      const { groups } = buildFleet(configAt(candidate, value, make))
      const split = sizes === undefined ? null : groups.map(({ count }) => count)
      return { value: numberOf(candidate, value), split, ...probeOf(runs, attainment) }
    })
    .sort((a, b) => a.value - b.value)
  const told = toldOf(bracket.border)
  const best = probes.find(({ value, meets }) => meets && value === told.meets)
  const isBound = sizes !== undefined && told.meets === sizes.others + sizes.least
  return {
    algorithm: first[0]!.algorithm,
    gpu: candidate.gpu ?? gpu,
    ...told,
    per_seed: bySeed,
    offered_per_sec: best === undefined || why.length === 0 ? null : otherRate(best, find, rate),
    bounded_by: (isBound && sizes.bound) || null,
    backends: meets === undefined ? null : pricePerHour.length,
    fleet: meets === undefined ? null : splitText(groups),
    usd_per_hour: meets === undefined ? null : pricePerHour.reduce((sum, each) => sum + each, 0),
    probes,
    problem: null,
  }
}

/** The rate that came at a value, where it is clearly another than the one asked for. */
function otherRate(
  { value, offered_per_sec: offered, requests }: CapacityProbe,
  find: 'rate' | 'backends',
  rate: number | undefined,
): number | null {
  const asked = find === 'rate' ? value : rate
  return asked !== undefined && isOtherRate({ rate: asked, offered, requests }) ? offered : null
}

function probeOf(
  runs: readonly RunSummary[],
  attainment: number,
): Omit<CapacityProbe, 'value' | 'split'> {
  const { mean, halfWidth } = confidenceInterval(runs.map(({ slo }) => slo?.attainment ?? 0))
  const order = ['stable', 'backlogged', 'overloaded'] as const
  const worst = Math.max(...runs.map(({ saturation }) => order.indexOf(saturation.verdict)))
  const ttfts = runs.flatMap(({ ttft }) => ttft.p99 ?? [])
  const offered = runs.flatMap(({ saturation }) => saturation.offered_per_sec ?? [])
  return {
    offered_per_sec: confidenceInterval(offered).mean,
    requests: runs.reduce((sum, run) => sum + run.total_requests, 0),
    meets: isMet(runs, attainment),
    attainment: mean!,
    attainment_ci95: halfWidth,
    oversized: confidenceInterval(runs.map(oversizedShare)).mean!,
    saturation: order[worst]!,
    ttft_p99: confidenceInterval(ttfts).mean,
  }
}
