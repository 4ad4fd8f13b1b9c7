import { confidenceInterval, type RunSummary } from '@routesim/metrics'
import { metric } from '../run/metric.js'
import type { JudgedMetric } from './judged-metrics.js'
import type { TrialResult } from './run-trials.js'

/** How a number differs between two things that met the same requests. */
export interface PairedDifference extends JudgedMetric {
  /** What the numbers are multiplied with where they are told, in the unit of `title`; 1 if absent. */
  readonly scale?: number
  /** Of all measured requests of a trace; means over seeds. */
  readonly base: number
  readonly other: number
  /**
   * other - base, and half its 95 % interval (Student t over the pairs); null where no window has the number, or
   * has too few requests beyond a percentile ({@link LEAST_BEYOND}).
   */
  readonly difference: number
  readonly ci95: number | null
  /** Windows or seeds for which the number exists. */
  readonly pairs: number
  /**
   * `better` or `worse` when the interval leaves 0 out, `equal` when no pair differs, else `unclear`:
   * no significant difference; `unknown` without an interval.
   */
  readonly outcome: 'better' | 'worse' | 'equal' | 'unclear' | 'unknown'
}

/**
 * Requests beyond a percentile that each window needs for an interval of it. With fewer, one burst decides: of 80 traces
 * of 840 bursty requests, half of the intervals of TTFT P99 over 8 windows held what 84,000 requests gave; of 8,400
 * requests, 88 to 93 %.
 */
export const LEAST_BEYOND = 10

/**
 * The difference of a number between two things, over seeds or, where there is one run of each, over its windows;
 * undefined where it can not be measured.
 *
 * @param base - by seed
 * @param other - by seed, of the same requests
 */
export function pairedDifference(
  judged: JudgedMetric & Pick<PairedDifference, 'scale'>,
  base: readonly TrialResult[],
  other: readonly TrialResult[],
): PairedDifference | undefined {
  const runs = base.map(({ summary }, i) => [summary, other[i]!.summary] as const)
  const found = pairsOf(runs, judged)
  const [a, b] = [base[0]?.withoutWindows, other[0]?.withoutWindows]
  if (a === undefined || b === undefined) return overSeeds(judged, found)
  const [whole] = found
  if (whole === undefined) return undefined
  if (requestsBeyond(judged, base[0]!.summary) < LEAST_BEYOND * a.length) {
    return { ...outcomeOf(judged, whole, gap(whole), []), pairs: a.length }
  }
  const rest = pairsOf(
    a.map((summary, i) => [summary, b[i]!] as const),
    judged,
    runs[0],
  )
  return outcomeOf(judged, whole, gap(whole), pseudoValues(gap(whole), rest.map(gap)))
}

/** Of a percentile over requests, those that are measured beyond it. Gaps between tokens are many. */
function requestsBeyond({ path }: JudgedMetric, { total_requests }: RunSummary): number {
  const percent = /\.p(\d+)$/.exec(path)?.[1]
  const isOfRequests = percent !== undefined && !path.startsWith('tbt.')
  return isOfRequests ? (total_requests * (100 - +percent)) / 100 : Number.POSITIVE_INFINITY
}

function overSeeds(judged: JudgedMetric, pairs: readonly Pair[]): PairedDifference | undefined {
  if (pairs.length < 2) return undefined
  const mean = (of: (pair: Pair) => number): number => confidenceInterval(pairs.map(of)).mean!
  const means = { from: mean(({ from }) => from), to: mean(({ to }) => to) }
  return outcomeOf(judged, means, mean(gap), pairs.map(gap))
}

interface Pair {
  readonly from: number
  readonly to: number
}

const gap = ({ from, to }: Pair): number => to - from

/**
 * Jackknife pseudo-values: what each window has contributed to a figure of the whole, which need not be a mean
 * (Quenouille 1956, Tukey 1958).
 * @param without - the figure without each window in turn
 */
function pseudoValues(whole: number, without: readonly number[]): number[] {
  const n = without.length
  return without.map((each) => whole + (n - 1) * (whole - each))
}

/** Numbers that grow with the requests; those of a part are told as if it had been the whole. */
const TOTALS: ReadonlySet<string> = new Set([
  ...['completed_requests', 'rejected_requests', 'failed_requests', 'timed_out_requests'],
  'unsent_requests',
  ...['preemptions', 'evictions'],
])

type RunPair = readonly [RunSummary, RunSummary]

/** The number of both of each pair of runs, as far as both have it. @param whole - what the runs are parts of */
function pairsOf(runs: readonly RunPair[], { path }: JudgedMetric, whole?: RunPair): Pair[] {
  const value = (pair: RunPair, side: 0 | 1): number | null => {
    const found = metric(pair[side], path).value
    if (found === null || whole === undefined || !TOTALS.has(path)) return found
    return (found * whole[side].total_requests) / pair[side].total_requests
  }
  return runs.flatMap((pair) => {
    const [from, to] = [value(pair, 0), value(pair, 1)]
    return from === null || to === null ? [] : [{ from, to }]
  })
}

/** @param each - differences of which the interval is: equal ones leave no doubt */
function outcomeOf(
  judged: JudgedMetric,
  { from: base, to: other }: Pair,
  difference: number,
  each: readonly number[],
): PairedDifference {
  const { halfWidth } = confidenceInterval(each)
  const outcome = (): PairedDifference['outcome'] => {
    if (halfWidth === null) return 'unknown'
    if (difference === 0 && each.every((value) => value === 0)) return 'equal'
    if (Math.abs(difference) <= halfWidth) return 'unclear'
    return difference < 0 === (judged.better === 'low') ? 'better' : 'worse'
  }
  return {
    ...judged,
    ...{ base, other, difference, ci95: halfWidth, pairs: each.length },
    outcome: outcome(),
  }
}
