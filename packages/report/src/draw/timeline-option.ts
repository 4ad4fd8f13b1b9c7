import type { TimelineChart } from '../chart/chart.js'
import { highest } from '../chart/extremes.js'
import { formatValue } from '../format/format-value.js'
import { escapeHtml } from '../html/escape-html.js'
import {
  axisName,
  baseOption,
  type DrawOptions,
  gridOption,
  headOf,
  legendOption,
  type Option,
  tooltipLook,
  valueAxis,
} from './frame.js'
import { PHASE_SERIES } from './theme.js'

/** What the chart library hands to a function that draws one item. */
interface ItemApi {
  value(dimension: number): number
  coord(point: readonly [number, number]): [number, number]
  size(extent: readonly [number, number]): [number, number]
}

/** Draws a bar for every span, one row per thing. */
export function timelineOption(chart: TimelineChart, options: DrawOptions): Option {
  const { theme } = options
  const { phases, rows, rowTitle, x } = chart
  const head = headOf(phases, options)
  const color = (phase: number): string => theme.series[PHASE_SERIES[phase % PHASE_SERIES.length]!]!
  const spans = rows.flatMap((row, y) => row.spans.map((span) => ({ ...span, y })))
  return {
    ...baseOption(chart, options),
    legend: legendOption(phases, head, options),
    grid: gridOption(head),
    xAxis: valueAxis(x, 'x', options, highest(spans.map(({ toMs }) => toMs))),
    yAxis: {
      type: 'category',
      data: rows.map(({ name }) => name),
      inverse: true,
      ...axisName(rowTitle, 'y', theme),
      nameLocation: 'start',
      axisLabel: { color: theme.muted, fontSize: 10, hideOverlap: true },
      axisTick: { show: false },
      axisLine: { lineStyle: { color: theme.line } },
    },
    tooltip: {
      ...tooltipLook(options),
      formatter: ({ value: [y, from, to, phase] }: { value: [number, number, number, number] }) =>
        `${escapeHtml(rowTitle)} ${escapeHtml(rows[y]?.name ?? '')}<br>${escapeHtml(phases[phase] ?? '')} <b>${formatValue(to - from, 'ms')}</b>, from ${formatValue(from, 'ms')}`,
    },
    series: phases.map((name, phase) => ({
      name,
      type: 'custom',
      color: color(phase),
      itemStyle: { color: color(phase) },
      encode: { x: [1, 2], y: 0 },
      data: spans
        .filter((span) => span.phase === phase)
        .map(({ y, fromMs, toMs }) => [y, fromMs, toMs, phase]),
      renderItem: (_: unknown, api: ItemApi) => {
        const [from, middle] = api.coord([api.value(1), api.value(0)])
        const [to] = api.coord([api.value(2), api.value(0)])
        const height = api.size([0, 1])[1] * 0.7
        return {
          type: 'rect',
          // A short span must still be seen.
          shape: { x: from, y: middle - height / 2, width: Math.max(1, to - from), height },
          style: { fill: color(phase) },
        }
      },
    })),
  }
}
