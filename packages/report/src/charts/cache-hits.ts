import type { BarChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { figureOf, labelOf, type ReportedResult } from '../results/reported-result.js'

/** More backends than this make bars too thin: the fleet is shown as a whole. */
const MOST_BACKENDS = 24

/** Cached share of the prompt tokens of each backend, and of the fleet. */
export function cacheHits(results: readonly ReportedResult[]): BarChart {
  const backends = Math.max(0, ...results.map(({ result }) => result.per_backend.length))
  const shown = backends <= MOST_BACKENDS ? backends : 0
  const paths = [
    'token_hit_rate',
    ...Array.from({ length: shown }, (_, id) => `per_backend_cache_stats.${id}.token_hit_rate`),
  ]
  const categories = ['fleet', ...Array.from({ length: shown }, (_, id) => String(id))]
  const series = results.map((reported) => {
    const figures = paths.map((path) => figureOf(reported.result, path))
    const spread = figures.map(({ ci95 }) => ci95)
    return {
      name: labelOf(reported),
      values: figures.map(({ value }) => value),
      ...(spread.some((half) => half !== null) ? { spread } : {}),
    }
  })
  const told = series.map(({ name, values }) => `${name} ${formatValue(values[0]!, 'share')}`)
  return {
    type: 'bars',
    id: 'cache-hits',
    title: 'Prefix cache hits',
    summary: `Share of prompt tokens found in the prefix cache, fleet first, then backend by backend. Fleet: ${told.join(', ')}.`,
    categories,
    value: { title: 'Cached share of prompt tokens', unit: 'share', scale: 'linear', min: 0 },
    series,
    table: tableOf(
      ['Backend'],
      series.map(({ name }) => name),
      categories.map((category, i) => [
        category,
        ...series.map(({ values }) => formatValue(values[i]!, 'share')),
      ]),
    ),
  }
}
