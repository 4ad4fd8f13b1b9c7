import type { XyChart, XySeries } from '../chart/chart.js'
import { highest, lowest } from '../chart/extremes.js'
import { formatValue } from '../format/format-value.js'
import { escapeHtml } from '../html/escape-html.js'
import {
  baseOption,
  type DrawOptions,
  gridOption,
  headOf,
  legendOption,
  type Option,
  tooltipLook,
  valueAxis,
} from './frame.js'
import { markLine } from './mark-line.js'
import { type PlacedMark, placedMarks } from './placed-marks.js'
import { DASHES, SYMBOLS } from './theme.js'
import { whiskers } from './whiskers.js'

/** Width of a mark without a line. */
const DOT = 10
/** Lines of more points have no marks on them. */
const MOST_SYMBOLS = 40

/** Draws lines and points. */
export function xyOption(chart: XyChart, options: DrawOptions): Option {
  // Guides are told of in words.
  const data = chart.series.filter(({ isGuide }) => isGuide !== true)
  const names = data.length > 1 ? data.map(({ name }) => name) : []
  const isPoints = data.every(({ draw }) => draw === 'points')
  const head = headOf(names, options)
  const marks = placedMarks(chart.marks ?? [], data.length)
  return {
    ...baseOption(chart, options),
    legend:
      names.length > 0
        ? legendOption(names, head, options, isPoints ? DOT : undefined)
        : { show: false },
    grid: gridOption(head),
    xAxis: valueAxis(chart.x, 'x', options, highest(data.flatMap(({ x }) => x))),
    yAxis: valueAxis(
      chart.y,
      'y',
      options,
      highest(data.flatMap((series) => withSpread(series, 1))),
      lowest(data.flatMap((series) => withSpread(series, -1))),
    ),
    tooltip: tooltip(chart, options),
    series: [
      ...chart.series.map((series, i) => seriesOption(series, i, marks, options)),
      ...chart.series.flatMap((series, i) => intervals(chart, series, i, options)),
    ],
  }
}

/** The upper ends of intervals, or the lower ones. */
function withSpread({ y, spread }: XySeries, sign: 1 | -1): (number | null)[] {
  return y.map((value, i) => (value === null ? null : value + sign * (spread?.[i] ?? 0)))
}

function seriesOption(
  series: XySeries,
  index: number,
  marks: readonly PlacedMark[],
  options: DrawOptions,
): Option {
  const { theme } = options
  const color = series.isGuide ? theme.line : colorOf(series.behind ?? index, options)
  const dash = series.isGuide ? 'dashed' : DASHES[Math.floor(index / 2) % DASHES.length]!
  const isDots = series.draw === 'points'
  const own = marks.filter((mark) => (mark.series ?? 0) === index)
  const sizes = series.behind !== undefined || series.x.length > MOST_SYMBOLS ? 4 : 7
  return {
    name: series.name,
    type: isDots ? 'scatter' : 'line',
    data: series.x.map((x, i) => [x, series.y[i] ?? null]),
    z: series.behind === undefined ? 3 : 1,
    color,
    symbol: series.isGuide
      ? 'none'
      : series.behind === undefined
        ? SYMBOLS[index % SYMBOLS.length]
        : 'circle',
    symbolSize: sizes,
    showSymbol: series.x.length <= MOST_SYMBOLS,
    itemStyle: { color, opacity: isDots ? (series.behind === undefined ? 0.65 : 0.3) : 1 },
    lineStyle: { color, width: series.isGuide ? 1.2 : 2, type: dash },
    ...(series.draw === 'steps' && { step: 'start' }),
    // A point on its own is no line and must still be seen.
    connectNulls: false,
    ...(series.labels && {
      label: {
        show: true,
        position: 'top',
        fontSize: 11,
        color,
        textBorderColor: theme.background,
        textBorderWidth: 3,
        formatter: ({ dataIndex }: { dataIndex: number }) => series.labels?.[dataIndex] ?? '',
      },
      labelLayout: { hideOverlap: true },
    }),
    ...(own.length > 0 && {
      markLine: markLine(
        own,
        ({ sharedBy }) => (sharedBy === 1 ? color : theme.text),
        theme.background,
      ),
    }),
  }
}

function intervals(
  { y }: XyChart,
  series: XySeries,
  index: number,
  options: DrawOptions,
): Option[] {
  if (series.spread === undefined) return []
  const points = series.x.flatMap((x, i): [number, number, number][] => {
    const [value, half] = [series.y[i] ?? null, series.spread?.[i] ?? null]
    if (x === null || value === null || half === null) return []
    const low = value - half
    return [[x, y.scale === 'log' ? Math.max(low, value / 100) : low, value + half]]
  })
  return [whiskers(points, colorOf(index, options))]
}

function colorOf(index: number, { theme }: DrawOptions): string {
  return theme.series[index % theme.series.length]!
}

/** A point under the pointer, or all lines where it crosses them. */
interface Pointed {
  readonly seriesName: string
  readonly marker: string
  readonly dataIndex: number
  readonly value: readonly [number | null, number | null]
}

function tooltip(chart: XyChart, options: DrawOptions): Option {
  const { x, y, readAlong } = chart
  const across = readAlong === 'y' ? { axis: x, at: 0 } : { axis: y, at: 1 }
  const along = readAlong === 'y' ? { axis: y, at: 1 } : { axis: x, at: 0 }
  const format = (point: Pointed, { axis, at }: typeof across): string =>
    formatValue(point.value[at] ?? null, axis.unit)
  return {
    ...tooltipLook(options),
    trigger: readAlong === undefined ? 'item' : 'axis',
    ...(readAlong && {
      axisPointer: {
        axis: readAlong,
        lineStyle: { color: options.theme.line },
        label: { show: false },
      },
    }),
    formatter: (pointed: Pointed | readonly Pointed[]) => {
      if ('value' in pointed) {
        const name = escapeHtml(pointed.seriesName)
        return `${pointed.marker}${name}<br>${escapeHtml(along.axis.title)} ${format(pointed, along)}<br>${escapeHtml(across.axis.title)} ${format(pointed, across)}`
      }
      const lines = pointed.filter((point) => point.seriesName !== '' && Array.isArray(point.value))
      const seen = new Set<string>()
      const rows = lines.flatMap((point) => {
        if (seen.has(point.seriesName)) return []
        seen.add(point.seriesName)
        return [`${point.marker}${escapeHtml(point.seriesName)}: <b>${format(point, across)}</b>`]
      })
      const first = lines[0]
      const title = first ? `${escapeHtml(along.axis.title)} ${format(first, along)}<br>` : ''
      return title + rows.join('<br>')
    },
  }
}
