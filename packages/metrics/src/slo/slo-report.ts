import { extentOf } from '../statistics/extent.js'
import { giniCoefficient, jainsIndex } from '../statistics/fairness.js'
import { orNull } from '../statistics/or-null.js'
import type { GroupTally } from './group-tally.js'
import { NO_CLASS, type SloOptions } from './slo-options.js'

/** How a group of requests fared against its targets. Shares are from 0 to 1, null without requests. */
export interface SloAttainment {
  /** Measured requests with any target; one that was not completed misses all of its targets. */
  readonly requests: number
  /** Share that was completed and met all of its targets. */
  readonly attainment: number | null
  /** Share of those with such a target that met it; a request of fewer than two output tokens meets TPOT. */
  readonly ttft_attainment: number | null
  readonly tpot_attainment: number | null
  readonly e2e_attainment: number | null
  readonly good_requests: number
  /** Requests per second that were completed and met all of their targets; null when none had any. */
  readonly goodput_requests_per_sec: number | null
  /** Output tokens of those, per second; and with their prompts. */
  readonly goodput_gen_tokens_per_sec: number | null
  readonly goodput_total_tokens_per_sec: number | null
}

/** The same for all requests, with the targets that stand for all, and for each class. */
export interface SloReport extends SloAttainment {
  readonly ttft_target_ms: number | null
  readonly tpot_target_ms: number | null
  readonly e2e_target_ms: number | null
  /** By class; `other` are requests of no class. Empty without classes. */
  readonly per_class: Readonly<Record<string, SloAttainment>>
}

/** What one tenant asked for and got. */
export interface TenantSummary extends SloAttainment {
  readonly weight: number
  readonly total_requests: number
  readonly completed_requests: number
  /** Prompt and output tokens of all its requests, and of completed ones. */
  readonly offered_tokens: number
  readonly served_tokens: number
  readonly mean_ttft_ms: number | null
}

/** How evenly tenants were served. */
export interface TenantReport {
  readonly count: number
  /**
   * Jain's index of served tokens per weight: 1 when each got its share of what was served, whatever it
   * asked for.
   */
  readonly service_jain: number | null
  /** Jain's index of the served share of what each asked for: 1 when nobody was turned away more than others. */
  readonly satisfaction_jain: number | null
  /** Jain's index of mean times to the first token. */
  readonly ttft_jain: number | null
  /** Jain's index of the joint SLO attainments; null without targets. */
  readonly attainment_jain: number | null
  /** Largest over smallest of served tokens per weight; null when the smallest is 0. */
  readonly service_max_min_ratio: number | null
  /** Gini coefficient of served tokens per weight: 0 when even. */
  readonly service_gini: number | null
  /** By name; the largest ones when there are very many. The indices are over all. */
  readonly per_tenant: Readonly<Record<string, TenantSummary>>
}

/** Tenants that are listed by name at most. */
const MOST_LISTED = 200

/** The report on all requests and on each class. */
export function sloReport(
  { ttftMs, tpotMs, e2eMs }: SloOptions,
  all: GroupTally,
  classes: ReadonlyMap<string | undefined, GroupTally>,
  durationMs: number,
): SloReport {
  const named = [...classes].map(([name, tally]) => [name ?? NO_CLASS, tally] as const).sort(byName)
  const perClass = named.map(([name, tally]) => [name, attainment(tally, durationMs)])
  return {
    ttft_target_ms: ttftMs ?? null,
    tpot_target_ms: tpotMs ?? null,
    e2e_target_ms: e2eMs ?? null,
    ...attainment(all, durationMs),
    per_class: Object.fromEntries(perClass),
  }
}

/** The report on tenants. */
export function tenantReport(
  { tenants = {} }: SloOptions,
  tallies: readonly (readonly [string, GroupTally])[],
  durationMs: number,
): TenantReport {
  const weightOf = (name: string): number => tenants[name]?.weight ?? 1
  const service = tallies.map(([name, tally]) => tally.servedTokens / weightOf(name))
  const { min, max } = extentOf(Float64Array.from(service))
  const met = tallies.filter(([, { asked }]) => asked > 0)
  const waited = tallies.filter(([, { ttftCount }]) => ttftCount > 0)
  const listed = [...tallies]
    .sort((a, b) => b[1].offeredTokens - a[1].offeredTokens || byName(a, b))
    .slice(0, MOST_LISTED)
    .sort(byName)
  return {
    count: tallies.length,
    service_jain: orNull(jainsIndex(service)),
    satisfaction_jain: orNull(
      jainsIndex(
        tallies.map(([, { servedTokens, offeredTokens }]) => servedTokens / offeredTokens),
      ),
    ),
    ttft_jain: orNull(jainsIndex(waited.map(([, tally]) => tally.ttftSumMs / tally.ttftCount))),
    attainment_jain: orNull(jainsIndex(met.map(([, { good, asked }]) => good / asked))),
    service_max_min_ratio: orNull(max / min),
    service_gini: orNull(giniCoefficient(service)),
    per_tenant: Object.fromEntries(
      listed.map(([name, tally]) => [
        name,
        {
          weight: weightOf(name),
          total_requests: tally.requests,
          completed_requests: tally.completed,
          offered_tokens: tally.offeredTokens,
          served_tokens: tally.servedTokens,
          mean_ttft_ms: orNull(tally.ttftSumMs / tally.ttftCount),
          ...attainment(tally, durationMs),
        },
      ]),
    ),
  }
}

function attainment(tally: GroupTally, durationMs: number): SloAttainment {
  // Of requests without targets nothing is good or bad.
  const seconds = tally.asked === 0 ? Number.NaN : durationMs / 1000
  return {
    requests: tally.asked,
    attainment: orNull(tally.good / tally.asked),
    ttft_attainment: orNull(tally.ttftMet / tally.ttftAsked),
    tpot_attainment: orNull(tally.tpotMet / tally.tpotAsked),
    e2e_attainment: orNull(tally.e2eMet / tally.e2eAsked),
    good_requests: tally.good,
    goodput_requests_per_sec: orNull(tally.good / seconds),
    goodput_gen_tokens_per_sec: orNull(tally.goodOutputTokens / seconds),
    goodput_total_tokens_per_sec: orNull(tally.goodTokens / seconds),
  }
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}
