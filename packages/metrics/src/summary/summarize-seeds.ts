import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import type { SaturationVerdict } from '../saturation/saturation.js'
import { confidenceInterval } from '../statistics/confidence-interval.js'
import type { RunSummary } from './run-summary.js'

/** One number of a summary over several seeds. */
export interface SeedEstimate {
  /** Mean over the seeds for which the number exists; null if there are none. */
  readonly mean: number | null
  /** The 95 % confidence interval (Student t) is mean ± ci95; null with fewer than two seeds. */
  readonly ci95: number | null
  /** Seeds for which the number exists. */
  readonly n: number
}

/** The shape of T with an estimate for every number; strings and booleans are left out. */
export type OverSeeds<T> = [T] extends [number | null]
  ? SeedEstimate
  : T extends readonly (infer Item)[]
    ? readonly OverSeeds<Item>[]
    : {
        readonly [Key in keyof T as T[Key] extends string | boolean ? never : Key]: OverSeeds<
          T[Key]
        >
      }

/** Summaries of one algorithm under several seeds: the paths of a {@link RunSummary}, as estimates. */
export type SeedsSummary = Pick<RunSummary, 'algorithm' | 'visibility'> & {
  readonly seeds: readonly number[]
} & OverSeeds<Omit<RunSummary, 'seed'>> & {
    /** The worst of all seeds. */
    readonly saturation: { readonly verdict: SaturationVerdict }
  }

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * Mean and 95 % confidence interval of every number over runs that differ in the seed only.
 * @throws RouteSimError `seeds_invalid` when there is no run, a seed occurs twice, or the runs are
 * of different algorithms or fleets
 */
export function summarizeSeeds(summaries: readonly RunSummary[]): SeedsSummary {
  check(summaries)
  // A reason that did not occur under a seed occurred 0 times; it is not missing.
  const noRejections = zeros(summaries.map((summary) => summary.rejected_by_reason))
  const noFailures = zeros(summaries.map((summary) => summary.failed_by_reason))
  const complete = summaries.map(({ seed, rejected_by_reason, failed_by_reason, ...rest }) => ({
    ...rest,
    rejected_by_reason: { ...noRejections, ...rejected_by_reason },
    failed_by_reason: { ...noFailures, ...failed_by_reason },
  }))
  const { algorithm, visibility } = summaries[0]!
  const estimates = merge(complete as unknown as Json[]) as object
  const seeds = summaries.map((summary) => summary.seed)
  const result = { algorithm, visibility, seeds, ...estimates } as unknown as SeedsSummary
  return { ...result, saturation: { ...result.saturation, verdict: worstVerdict(summaries) } }
}

/** 0 for every name that occurs, in order. */
function zeros(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = new Set(counts.flatMap((each) => Object.keys(each)))
  return Object.fromEntries([...names].sort().map((name) => [name, 0]))
}

/** Estimates for the values found at one path; undefined for what is not a number. */
function merge(values: readonly Json[]): unknown {
  const sample = values.find((value) => value !== null) ?? null
  if (sample === null || typeof sample === 'number') return estimate(values)
  if (Array.isArray(sample)) {
    return sample.map((_, i) => merge(values.map((value) => (value as readonly Json[])[i]!)))
  }
  if (typeof sample !== 'object') return undefined
  // A tenant or a class that has no requests under some seed is missing there.
  const objects = values.filter((value) => value !== null) as readonly {
    readonly [key: string]: Json
  }[]
  const keys = new Set(objects.flatMap((object) => Object.keys(object)))
  const entries = [...keys].map((key) => [key, merge(objects.map((object) => object[key] ?? null))])
  return Object.fromEntries(entries.filter(([, merged]) => merged !== undefined))
}

function estimate(values: readonly Json[]): SeedEstimate {
  const present = values.filter((value) => typeof value === 'number')
  const { mean, halfWidth, n } = confidenceInterval(present)
  return { mean, ci95: halfWidth, n }
}

const VERDICTS: readonly SaturationVerdict[] = ['stable', 'backlogged', 'overloaded']

function worstVerdict(summaries: readonly RunSummary[]): SaturationVerdict {
  return VERDICTS[Math.max(...summaries.map((run) => VERDICTS.indexOf(run.saturation.verdict)))]!
}

function check(summaries: readonly RunSummary[]): void {
  const [first] = summaries
  if (first === undefined) throw invalid('expected at least one run, got none')
  const seeds = new Set<number>()
  for (const summary of summaries) {
    if (seeds.has(summary.seed)) {
      throw invalid(`seed ${summary.seed} occurs twice: the same run again adds no certainty`)
    }
    seeds.add(summary.seed)
    if (summary.algorithm !== first.algorithm) {
      throw invalid(`expected one algorithm, got ${first.algorithm} and ${summary.algorithm}`)
    }
    if (summary.per_backend.length !== first.per_backend.length) {
      throw invalid(
        `expected fleets of one size, got ${first.per_backend.length} and ${summary.per_backend.length} backends`,
      )
    }
  }
}

function invalid(problem: string): RouteSimError<MetricsErrorCode> {
  return new RouteSimError<MetricsErrorCode>(`runs over seeds: ${problem}`, {
    code: 'seeds_invalid',
  })
}
