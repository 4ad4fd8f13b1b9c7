import { confidenceInterval, type RunSummary } from '@routesim/metrics'
import { metric } from '../run/metric.js'
import type { JudgedMetric } from './judged-metrics.js'

/** How a number differs between two things that met the same requests. */
export interface PairedDifference extends JudgedMetric {
  /** What the numbers are multiplied with where they are told, in the unit of `title`; 1 if absent. */
  readonly scale?: number
  /** Means over the pairs. */
  readonly base: number
  readonly other: number
  /** Mean of other - base, and half its 95 % interval (Student t over the pairs). */
  readonly difference: number
  readonly ci95: number | null
  /** Pairs for which the number exists. */
  readonly pairs: number
  /**
   * `better` or `worse` when the interval leaves 0 out, `equal` when no pair differs, else `unclear`:
   * no significant difference.
   */
  readonly outcome: 'better' | 'worse' | 'equal' | 'unclear'
}

/**
 * The difference of a number over pairs of runs; undefined when fewer than two pairs have it.
 *
 * @param base - by pair
 * @param other - by pair, of the same requests
 */
export function pairedDifference(
  judged: JudgedMetric & Pick<PairedDifference, 'scale'>,
  base: readonly RunSummary[],
  other: readonly RunSummary[],
): PairedDifference | undefined {
  const pairs = base.flatMap((run, i) => {
    const from = metric(run, judged.path).value
    const to = metric(other[i]!, judged.path).value
    return from === null || to === null ? [] : [{ from, to }]
  })
  if (pairs.length < 2) return undefined
  const mean = (of: (pair: { from: number; to: number }) => number): number =>
    confidenceInterval(pairs.map(of)).mean!
  const { mean: difference, halfWidth } = confidenceInterval(pairs.map(({ from, to }) => to - from))
  const isEqual = pairs.every(({ from, to }) => from === to)
  const isClear = halfWidth !== null && Math.abs(difference!) > halfWidth
  const isBetter = judged.better === 'low' ? difference! < 0 : difference! > 0
  return {
    ...judged,
    base: mean(({ from }) => from),
    other: mean(({ to }) => to),
    difference: difference!,
    ci95: halfWidth,
    pairs: pairs.length,
    outcome: isEqual ? 'equal' : !isClear ? 'unclear' : isBetter ? 'better' : 'worse',
  }
}
