import type { BarChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { figureOf, labelOf, type ReportedResult } from '../results/reported-result.js'

const PERCENTILES = ['p50', 'p90', 'p99'] as const

/** Percentiles of one latency side by side, for results that keep no whole distribution. */
export function latencyPercentiles(
  results: readonly ReportedResult[],
  { path, title, id }: { readonly path: string; readonly title: string; readonly id: string },
): BarChart {
  const series = results.map((reported) => {
    const figures = PERCENTILES.map((name) => figureOf(reported.result, `${path}.${name}`))
    const spread = figures.map(({ ci95 }) => ci95)
    return {
      name: labelOf(reported),
      values: figures.map(({ value }) => value),
      ...(spread.some((half) => half !== null) ? { spread } : {}),
    }
  })
  return {
    type: 'bars',
    id,
    title,
    summary: `${title}: P50, P90 and P99 of ${series.map(({ name }) => name).join(', ')}.`,
    categories: PERCENTILES.map((name) => name.toUpperCase()),
    value: { title: 'Latency', unit: 'ms', scale: 'linear', min: 0 },
    series,
    table: tableOf(
      ['Algorithm'],
      PERCENTILES.map((name) => name.toUpperCase()),
      series.map(({ name, values }) => [name, ...values.map((value) => formatValue(value, 'ms'))]),
    ),
  }
}
