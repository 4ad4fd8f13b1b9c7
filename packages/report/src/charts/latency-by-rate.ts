import type { Mark, XyChart } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { kneeOf } from '../results/knee.js'
import { figuresOf, type RateCurve } from '../results/rate-curves.js'
import type { Figure } from '../results/reported-result.js'

/** A latency of a result that is drawn against the rate. */
export interface RateMetric {
  readonly path: string
  readonly title: string
  readonly id: string
}

/** Latency against the rate of arrivals, with the rate at which each algorithm begins to queue. */
export function latencyByRate(curves: readonly RateCurve[], metric: RateMetric): XyChart {
  const drawn = curves.map((curve) => {
    const figures = figuresOf(curve, metric.path)
    const rates = curve.points.map(({ rate }) => rate)
    const latencies = figures.map(({ value }) => value)
    return { ...curve, figures, rates, latencies, knee: kneeOf(rates, latencies) }
  })
  const marks: Mark[] = drawn.flatMap(({ rates, knee }, series) =>
    knee === undefined
      ? []
      : [
          {
            axis: 'x',
            value: rates[knee]!,
            label: `knee ${formatValue(rates[knee]!, 'number')}`,
            series,
          },
        ],
  )
  const bent = drawn.flatMap(({ label, rates, knee }) =>
    knee === undefined ? [] : [`${label} at ${formatValue(rates[knee]!, 'number')} requests/s`],
  )
  const others = bent.length < drawn.length ? '; the others have none' : ''
  const told =
    bent.length === 0 ? 'No curve has a knee' : `Knee of the curve: ${bent.join(', ')}${others}`
  return {
    type: 'xy',
    id: metric.id,
    title: `${metric.title} by arrival rate`,
    summary: `${metric.title} against the arrival rate. ${told}.`,
    x: { title: 'Requests per second', unit: 'number', scale: 'linear' },
    y: fittingAxis(
      metric.title,
      'ms',
      drawn.flatMap(({ figures }) => upToEnds(figures)),
    ),
    series: drawn.map(({ label, rates, latencies, figures }) => ({
      name: label,
      draw: 'line',
      x: rates,
      y: latencies,
      ...spreadOf(figures),
    })),
    marks,
    readAlong: 'x',
    table: tableOf(
      ['Algorithm'],
      ['Rate', metric.title, '±'],
      drawn.flatMap(({ label, rates, figures }) =>
        rates.map((rate, i) => [
          label,
          formatValue(rate, 'number'),
          formatValue(figures[i]!.value, 'ms'),
          formatValue(figures[i]!.ci95, 'ms'),
        ]),
      ),
    ),
  }
}

/** The values, and the upper ends of their intervals. */
export function upToEnds(figures: readonly Figure[]): (number | null)[] {
  return figures.flatMap(({ value, ci95 }) => [value, value === null ? null : value + (ci95 ?? 0)])
}

/** Intervals, when there are any. */
export function spreadOf(
  figures: readonly { readonly ci95: number | null }[],
): { spread: (number | null)[] } | Record<never, never> {
  const spread = figures.map(({ ci95 }) => ci95)
  return spread.some((half) => half !== null) ? { spread } : {}
}
