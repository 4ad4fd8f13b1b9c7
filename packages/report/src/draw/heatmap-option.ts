import type { HeatmapChart } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'
import { escapeHtml } from '../html/escape-html.js'
import {
  axisName,
  baseOption,
  type DrawOptions,
  FONT,
  gridOption,
  headOf,
  type Option,
  tooltipLook,
} from './frame.js'
import { markLine } from './mark-line.js'
import { placedMarks } from './placed-marks.js'
import { timeTicks } from './time-ticks.js'

const SCALE_HEIGHT = 24
const LABEL_WIDTH = 80
/** Intervals between two labels, so that these are round where the intervals are. */
const ROUND_STEPS = [1, 2, 4, 5, 6, 10, 12, 20, 24, 30, 40, 60]

/** Draws rows of coloured intervals. */
export function heatmapOption(chart: HeatmapChart, options: DrawOptions): Option {
  const { theme, width } = options
  const { x, from, rows, rowTitle, value } = chart
  const marks = placedMarks(
    (chart.marks ?? []).map((mark) => ({ ...mark, value: intervalOf(mark.value, from) })),
    1,
  )
  const cells = chart.values.flatMap((row, y) =>
    row.flatMap((cell, at): [number, number, number][] => (cell === null ? [] : [[at, y, cell]])),
  )
  const top = headOf([], options)
  const head = { ...top, gridTop: top.gridTop + SCALE_HEIGHT }
  const fewest = from.length / Math.max(2, (width - 60) / LABEL_WIDTH)
  const every = roundStep(chart, fewest)
  const intervalMs = lengthOf(from)
  const shown =
    x.unit === 'ms' ? timeTicks(from.at(-1) || 1, from.length / every).format : undefined
  const label = { color: theme.muted, fontSize: 11 }
  const time = (at: number): string => formatValue(from[at] ?? null, x.unit)
  return {
    ...baseOption(chart, options),
    grid: gridOption(head),
    xAxis: {
      type: 'category',
      data: from.map((_, at) => shown?.(at * intervalMs) ?? time(at)),
      ...axisName(x.title, 'x', theme),
      axisLabel: { ...label, interval: (at: number) => at % every === 0 },
      axisTick: { show: true, interval: (at: number) => at % every === 0 },
      axisLine: { lineStyle: { color: theme.line } },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'category',
      data: rows,
      inverse: true,
      axisLabel: label,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: theme.line } },
      // An inverse axis ends below: its start is above.
      ...axisName(rowTitle, 'y', theme),
      nameLocation: 'start',
    },
    visualMap: {
      type: 'continuous',
      min: 0,
      max: value.max,
      orient: 'horizontal',
      left: 4,
      top: head.legendTop,
      itemWidth: 12,
      itemHeight: 120,
      text: [formatValue(value.max, value.unit), formatValue(0, value.unit)],
      textStyle: { color: theme.text, fontSize: 12, fontFamily: FONT },
      inRange: { color: theme.sequential },
    },
    tooltip: {
      ...tooltipLook(options),
      formatter: ({ value: [at, y, cell] }: { value: [number, number, number] }) =>
        `${escapeHtml(rowTitle)} ${escapeHtml(rows[y] ?? '')} at ${time(at)}<br>${escapeHtml(value.title)} <b>${formatValue(cell, value.unit)}</b>`,
    },
    series: [
      {
        type: 'heatmap',
        data: cells,
        itemStyle: { borderWidth: 0 },
        emphasis: { itemStyle: { borderColor: theme.text, borderWidth: 1 } },
        ...(marks.length > 0 && { markLine: markLine(marks, () => theme.text, theme.background) }),
      },
    ],
  }
}

/** Intervals between two labels, `fewest` at least: such that the clock reads round there, if it can. */
function roundStep({ x, from }: HeatmapChart, fewest: number): number {
  const intervalMs = lengthOf(from)
  if (x.unit === 'ms' && intervalMs > 0) {
    const { stepMs } = timeTicks(from.length * intervalMs, from.length / fewest)
    if (stepMs % intervalMs === 0) return stepMs / intervalMs
  }
  return ROUND_STEPS.find((step) => step >= fewest) ?? Math.ceil(fewest)
}

/** Of the intervals; the first may begin late. */
function lengthOf(from: readonly number[]): number {
  return (from.at(-1) ?? 0) - (from.at(-2) ?? 0)
}

/** Index of the interval in which something falls. */
function intervalOf(time: number, from: readonly number[]): number {
  return Math.max(
    0,
    from.findLastIndex((start) => start <= time),
  )
}
