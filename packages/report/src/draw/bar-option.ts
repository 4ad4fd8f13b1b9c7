import type { BarChart } from '../chart/chart.js'
import { highest } from '../chart/extremes.js'
import { formatValue } from '../format/format-value.js'
import { escapeHtml } from '../html/escape-html.js'
import { categoryLabels } from './category-labels.js'
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
import { whiskers } from './whiskers.js'

/** Letters of a figure, at the most, and their height above a bar where they stand upright. */
const FIGURE = { letters: 7, height: 40 }

const LAYOUT = { barGap: '12%', barCategoryGap: '22%', barMaxWidth: 60 }

/** A bar under the pointer, or one that has a label. */
interface PointedBar {
  readonly seriesName: string
  readonly seriesIndex: number
  readonly dataIndex: number
  readonly name: string
  readonly marker: string
}

function figureOf(chart: BarChart, { seriesIndex, dataIndex }: PointedBar): string {
  return formatValue(chart.series[seriesIndex]?.values[dataIndex] ?? null, chart.value.unit)
}

/** The figure of a bar, above it. */
function figureLabel(chart: BarChart, { text }: DrawOptions['theme'], isUpright: boolean): Option {
  return {
    show: true,
    position: 'top',
    ...(isUpright && { rotate: 90, align: 'left', verticalAlign: 'middle' }),
    color: text,
    fontSize: 11,
    formatter: (bar: PointedBar) => figureOf(chart, bar),
  }
}

/** Draws bars side by side. */
export function barOption(chart: BarChart, options: DrawOptions): Option {
  const { theme } = options
  const names = chart.series.map(({ name }) => name)
  const legend = names.length > 1 ? names : []
  const head = headOf(legend, options)
  const labels = categoryLabels(chart.categories, options.width)
  const color = (i: number): string => theme.series[i % theme.series.length]!
  const axis = valueAxis(
    chart.value,
    'y',
    options,
    highest(
      chart.series.flatMap(({ values, spread }) =>
        values.map((value, i) => (value ?? 0) + (spread?.[i] ?? 0)),
      ),
    ),
  )
  // On a logarithmic axis, lengths alone do not tell how bars differ.
  const isLog = chart.value.scale === 'log'
  const isTight = isLog && labels.room < FIGURE.letters
  return {
    ...baseOption(chart, options),
    legend: legend.length > 0 ? legendOption(legend, head, options) : { show: false },
    grid: gridOption(head),
    xAxis: {
      type: 'category',
      data: chart.categories,
      ...axisName('', 'x', theme),
      axisLabel: {
        color: theme.muted,
        fontSize: 11,
        lineHeight: 12,
        interval: 0,
        formatter: labels.written,
        ...(labels.isUpright && { rotate: 90 }),
      },
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
    },
    yAxis: {
      ...axis,
      // Their lengths are what is read.
      scale: false,
      ...(isLog && { startValue: axis['min'] }),
      ...(isTight && { nameGap: Number(axis['nameGap']) + FIGURE.height }),
    },
    tooltip: {
      ...tooltipLook(options),
      trigger: 'item',
      formatter: (bar: PointedBar) =>
        `${escapeHtml(bar.name)}<br>${bar.marker}${escapeHtml(bar.seriesName)}: <b>${figureOf(chart, bar)}</b>`,
    },
    series: [
      ...chart.series.map(({ name, values }, i) => ({
        name,
        type: 'bar',
        // What is below a logarithmic axis, such as 0, is a bar without height.
        data: isLog
          ? values.map((value) => (value === null ? null : Math.max(value, Number(axis['min']))))
          : values,
        itemStyle: { color: color(i) },
        ...(isLog && { label: figureLabel(chart, theme, isTight) }),
        ...LAYOUT,
      })),
      ...chart.series.flatMap(({ values, spread }, index) =>
        spread === undefined
          ? []
          : [
              whiskers(
                values.flatMap((value, i): [number, number, number][] => {
                  const half = spread[i] ?? null
                  return value === null || half === null ? [] : [[i, value - half, value + half]]
                }),
                theme.text,
                { index, count: chart.series.length, layout: LAYOUT },
              ),
            ],
      ),
    ],
  }
}
