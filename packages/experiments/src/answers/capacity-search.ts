import { confidenceInterval, type RunSummary } from '@routesim/metrics'
import { buildFleet } from '../cluster/build-cluster.js'
import type { Config } from '../config/schema.js'
import { oversizedShare } from '../notes/load-notes.js'
import { isOtherRate } from '../notes/rate-notes.js'
import type { TrafficStore } from '../sweep/traffic.js'
import type { Bisection } from './bisection.js'
import type { Candidate, FleetSizes } from './capacity-candidate.js'
import type { CapacityAnswer, CapacityProbe } from './capacity-report.js'
import { runTrials, type Trial } from './run-trials.js'
import { type PreparedSearch, searchInvalid } from './search-options.js'

/** A candidate under search. */
export interface Search extends Candidate {
  readonly bisection: Bisection
  /** Undefined when the rate is sought. */
  readonly sizes: FleetSizes | undefined
  /** With as many backends as the config says. */
  readonly base: Config
  readonly tried: { readonly value: number; readonly runs: readonly RunSummary[] }[]
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
      const value = search.bisection.next()
      return value === undefined ? [] : [{ search, value }]
    })
    if (steps.length === 0) return runs
    const trials = steps.map(({ search, value }): Trial => {
      const { choice, base, sizes, settings } = search
      const config = sizes === undefined ? base : make({ ...settings, ...sizes.settingsOf(value) })
      const what = find === 'rate' ? `${Number(value.toPrecision(3))} req/s` : `${value} backends`
      return { label: what, config, choice, traffic, rate: find === 'rate' ? value : rate, seeds }
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
      const meets = isMet(own, attainment)
      search.bisection.tell(value, find === 'rate' ? meets : !meets)
    }
  }
}

/** The nearest values of a search that meet the targets and miss them, as far as there are any. */
export function borderOf(
  { bisection }: Search,
  find: 'rate' | 'backends',
): { readonly meets: number | undefined; readonly misses: number | undefined } {
  const { below, above } = bisection.bracket
  return find === 'rate' ? { meets: below, misses: above } : { meets: above, misses: below }
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
  const { tried, sizes, settings, base } = candidate
  const { meets, misses } = borderOf(candidate, find)
  const sorted = [...tried].sort((a, b) => a.value - b.value)
  const first = sorted[0]!.runs
  const bySeed = first.map(({ seed }, i) => {
    const met = sorted.map(({ value, runs }) => ({ value, isMet: isMet([runs[i]!], attainment) }))
    const good = met.filter((each) => each.isMet).map(({ value }) => value)
    const bad = met.filter((each) => !each.isMet).map(({ value }) => value)
    const [most, least] = find === 'rate' ? [good, bad] : [bad, good]
    const last = most.length === 0 ? null : Math.max(...most)
    const next = least.length === 0 ? null : Math.min(...least)
    return { seed, meets: find === 'rate' ? last : next, misses: find === 'rate' ? next : last }
  })
  const config =
    sizes === undefined || meets === undefined
      ? base
      : make({ ...settings, ...sizes.settingsOf(meets) })
  const { gpu, pricePerHour } = buildFleet(config)
  const probes = sorted.map(({ value, runs }) => probeOf(value, runs, attainment))
  const best = probes.find(({ value }) => value === meets)
  return {
    algorithm: first[0]!.algorithm,
    gpu: candidate.gpu ?? gpu,
    meets: meets ?? null,
    misses: misses ?? null,
    per_seed: bySeed,
    offered_per_sec: best === undefined || why.length === 0 ? null : otherRate(best, find, rate),
    bounded_by: (misses === undefined && sizes?.bound) || null,
    backends: meets === undefined ? null : pricePerHour.length,
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

function probeOf(value: number, runs: readonly RunSummary[], attainment: number): CapacityProbe {
  const { mean, halfWidth } = confidenceInterval(runs.map(({ slo }) => slo?.attainment ?? 0))
  const order = ['stable', 'backlogged', 'overloaded'] as const
  const worst = Math.max(...runs.map(({ saturation }) => order.indexOf(saturation.verdict)))
  const ttfts = runs.flatMap(({ ttft }) => ttft.p99 ?? [])
  const offered = runs.flatMap(({ saturation }) => saturation.offered_per_sec ?? [])
  return {
    value,
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
