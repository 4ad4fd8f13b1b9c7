import type { BarChart } from '../chart/chart.js'
import { highest } from '../chart/highest.js'
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
import { whiskers } from './whiskers.js'

const LAYOUT = { barGap: '12%', barCategoryGap: '22%', barMaxWidth: 60 }

/** Width of a letter of a label, about. */
const LETTER = 7

/** A name in lines of so many letters where its words allow it. */
function brokenAt(name: string, letters: number): string {
  const lines: string[] = ['']
  for (const word of name.split(/(?<=[_ ])/)) {
    const line = lines.at(-1)!
    if (line === '' || line.length + word.length <= letters) lines[lines.length - 1] = line + word
    else lines.push(word)
  }
  return lines.join('\n')
}

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
function figureLabel(chart: BarChart, { text }: DrawOptions['theme']): Option {
  return {
    show: true,
    position: 'top',
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
  const room = Math.floor(options.width / chart.categories.length / LETTER)
  const isTight = chart.categories.some((name) => name.length > room)
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
  const isLog = chart.value.scale === 'log'
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
        ...(isTight && { formatter: (name: string) => brokenAt(name, room) }),
      },
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
    },
    yAxis: { ...axis, ...(isLog && { startValue: axis['min'] }) },
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
        // Their lengths alone do not tell how they differ.
        ...(isLog && { label: figureLabel(chart, theme) }),
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
