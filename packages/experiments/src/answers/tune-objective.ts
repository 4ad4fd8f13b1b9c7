import type { RunSummary } from '@routesim/metrics'
import { metric } from '../run/metric.js'
import { type JudgedMetric, judgedMetric } from './judged-metrics.js'
import { searchInvalid } from './search-options.js'

/** A bound that a result must keep. */
export interface Constraint {
  readonly text: string
  readonly metric: JudgedMetric
  readonly side: 'least' | 'most'
  /** A value of the metric, or a share of what the default has. */
  readonly bound: number
  readonly isShare: boolean
}

/** How good a point is: what breaks no bound goes before what breaks some, then the objective decides. */
export interface Score {
  /** Mean over the runs, in the unit of the metric; infinite when no run has it. */
  readonly objective: number
  /** By how much bounds are broken, each relative to itself; 0 when all are kept. */
  readonly violation: number
}

/**
 * Reads `requests_per_sec>=99%` (of what the default has) or `ttft.p99<=500`.
 * @throws RouteSimError `search_invalid`
 */
export function parseConstraint(text: string): Constraint {
  const [, path, sign, number, percent] =
    /^\s*([\w.]+)\s*(>=|<=)\s*([\d.eE+-]+)(%?)\s*$/.exec(text) ?? []
  const value = Number(number)
  if (path === undefined || !Number.isFinite(value)) {
    throw searchInvalid(
      'subjectTo',
      'a metric with a bound, such as requests_per_sec>=99% or ttft.p99<=500',
      `"${text}"`,
    )
  }
  const isShare = percent === '%'
  return {
    text: text.trim(),
    metric: judgedMetric(path, 'subjectTo'),
    side: sign === '>=' ? 'least' : 'most',
    bound: isShare ? value / 100 : value,
    isShare,
  }
}

/** Judges the runs of a point, those of the default beside them for bounds that are shares of it. */
export function scoreOf(
  runs: readonly RunSummary[],
  defaults: readonly RunSummary[],
  objective: JudgedMetric,
  constraints: readonly Constraint[],
): Score {
  const sign = objective.better === 'low' ? 1 : -1
  const value = meanOf(runs, objective.path)
  const violation = constraints.reduce(
    (sum, constraint) => sum + violationOf(constraint, runs, defaults),
    0,
  )
  return { objective: value === null ? Number.POSITIVE_INFINITY : sign * value, violation }
}

/** Negative when `a` is better. */
export function compareScores(a: Score, b: Score): number {
  return a.violation - b.violation || (a.objective === b.objective ? 0 : a.objective - b.objective)
}

/** By how much a bound is broken, relative to itself. */
export function violationOf(
  { metric: { path }, side, bound, isShare }: Constraint,
  runs: readonly RunSummary[],
  defaults: readonly RunSummary[],
): number {
  const found = meanOf(runs, path)
  const limit = isShare ? bound * (meanOf(defaults, path) ?? 0) : bound
  if (found === null) return 1
  const excess = side === 'least' ? limit - found : found - limit
  return Math.max(0, excess / (Math.abs(limit) || 1))
}

/** The mean of a number over the runs that have it. */
export function meanOf(runs: readonly RunSummary[], path: string): number | null {
  const values = runs.flatMap((run) => metric(run, path).value ?? [])
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}
