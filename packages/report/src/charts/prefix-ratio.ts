import type { XyChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'

/** What one router achieved at several shares of common prefix. */
export interface PrefixRatioSeries {
  readonly label: string
  /** Share of every prompt that is a common prefix, 0 to 1. */
  readonly ratios: readonly number[]
  /** Mean time to first token in ms. */
  readonly ttftMs: readonly (number | null)[]
  /** Output tokens per second. */
  readonly throughput: readonly (number | null)[]
}

/** The two pictures with which Dynamo compares routers: TTFT and throughput against the prefix ratio. */
export function prefixRatioPanels(series: readonly PrefixRatioSeries[]): [XyChart, XyChart] {
  const panel = (
    id: string,
    title: string,
    unit: 'ms' | 'number',
    key: 'ttftMs' | 'throughput',
  ): XyChart => ({
    type: 'xy',
    id,
    title: `${title} by prefix ratio`,
    summary: `${title} against the share of each prompt that is a common prefix: ${series.map(({ label }) => label).join(', ')}.`,
    x: { title: 'Prefix ratio', unit: 'number', scale: 'linear', min: 0, max: 1 },
    y: { title, unit, scale: 'linear', min: 0 },
    series: series.map((each) => ({
      name: each.label,
      draw: 'line',
      x: each.ratios,
      y: each[key],
      ...(series.length === 1
        ? { labels: each[key].map((value) => formatValue(value, unit)) }
        : {}),
    })),
    readAlong: 'x',
    table: tableOf(
      ['Router'],
      ['Prefix ratio', title],
      series.flatMap((each) =>
        each.ratios.map((ratio, i) => [
          each.label,
          formatValue(ratio, 'number'),
          formatValue(each[key][i] ?? null, unit),
        ]),
      ),
    ),
  })
  return [
    panel('prefix-ratio-ttft', 'Mean TTFT', 'ms', 'ttftMs'),
    panel('prefix-ratio-throughput', 'Output tokens per second', 'number', 'throughput'),
  ]
}
