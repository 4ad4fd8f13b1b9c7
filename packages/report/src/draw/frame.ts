import type { Axis, Chart } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'
import { logTicks } from './log-ticks.js'
import type { Theme } from './theme.js'
import { timeTicks } from './time-ticks.js'

/** How a chart is to be drawn. */
export interface DrawOptions {
  readonly theme: Theme
  /** In pixels. */
  readonly width: number
  /** Whether the picture bears its own title. */
  readonly hasTitle: boolean
}

/** An option object of the chart library. */
export type Option = Record<string, unknown>

// Single quotes: the chart library writes it into an attribute as it is.
export const FONT = "'DejaVu Sans', system-ui, -apple-system, 'Segoe UI', sans-serif"
const TITLE_HEIGHT = 30
const LEGEND_ROW = 22
const USUAL_ROWS = 2
const NAME_HEIGHT = 24
/** Of a character of the legend, in pixels. */
const CHARACTER_WIDTH = 6.5
const LEGEND_ICON = 24
const LEGEND_GAP = 14
const LONGEST_NAME = 36

/** Heights of what stands above the plot. */
export interface Head {
  readonly legendTop: number
  readonly gridTop: number
}

/** Room for title, legend and name of the y axis. */
export function headOf(names: readonly string[], options: DrawOptions): Head {
  const legendTop = options.hasTitle ? TITLE_HEIGHT : 0
  return { legendTop, gridTop: legendTop + legendHeight(names, options.width) + NAME_HEIGHT }
}

function legendHeight(names: readonly string[], width: number): number {
  return legendRows(names, width) * LEGEND_ROW
}

/** Height by which a chart has to grow for a legend of more rows than most have. */
export function legendExcess(names: readonly string[], width: number): number {
  return Math.max(0, legendRows(names, width) - USUAL_ROWS) * LEGEND_ROW
}

/** Rows that the names of a legend fill, estimated. */
function legendRows(names: readonly string[], width: number): number {
  let rows = names.length === 0 ? 0 : 1
  let used = 0
  for (const name of names) {
    const size = LEGEND_ICON + 6 + shortName(name).length * CHARACTER_WIDTH + LEGEND_GAP
    if (used > 0 && used + size - LEGEND_GAP > width - 8) {
      rows++
      used = 0
    }
    used += size
  }
  return rows
}

/** The name, cut in the middle when it is too long for a legend. */
export function shortName(name: string): string {
  if (name.length <= LONGEST_NAME) return name
  return `${name.slice(0, LONGEST_NAME - 13)}…${name.slice(-12)}`
}

/** What all charts share: no animation, fonts, colours, title. */
export function baseOption(chart: Chart, { theme, width, hasTitle }: DrawOptions): Option {
  return {
    animation: false,
    backgroundColor: hasTitle ? theme.background : 'transparent',
    color: theme.series,
    textStyle: { fontFamily: FONT, color: theme.text },
    ...(hasTitle && {
      title: {
        text: chart.title,
        left: 8,
        top: 6,
        textStyle: {
          fontSize: 15,
          fontWeight: 'bold',
          color: theme.text,
          fontFamily: FONT,
          width: width - 16,
          overflow: 'truncate',
        },
      },
    }),
  }
}

/** A legend in rows from the left. */
export function legendOption(
  names: readonly string[],
  head: Head,
  { theme }: DrawOptions,
  iconWidth: number = LEGEND_ICON,
): Option {
  return {
    data: names,
    left: 4,
    top: head.legendTop,
    itemWidth: iconWidth,
    itemHeight: 10,
    itemGap: LEGEND_GAP,
    textStyle: { color: theme.text, fontSize: 12, fontFamily: FONT },
    formatter: shortName,
  }
}

/** The plot within its labels. */
export function gridOption(head: Head): Option {
  return {
    left: 8,
    right: 20,
    top: head.gridTop,
    bottom: 8,
    outerBoundsMode: 'same',
    outerBoundsContain: 'all',
  }
}

/** Labels of a y axis, about. */
const Y_PARTS = 5

/**
 * A numeric axis.
 * @param most - largest value on it: durations are then told in one unit
 * @param least - smallest value on it, where it need not begin at 0
 */
export function valueAxis(
  axis: Axis,
  side: 'x' | 'y',
  { theme, width }: DrawOptions,
  most: number | null = null,
  least: number | null = null,
): Option {
  const isLog = axis.scale === 'log'
  const parts = side === 'x' ? Math.max(3, Math.round(width / 130)) : Y_PARTS
  const isTime = axis.unit === 'ms' && !isLog
  const fromMs = axis.min === undefined && side === 'y' && least !== most ? (least ?? 0) : 0
  const time = isTime && most !== null && most > 0 ? timeTicks(most, parts, fromMs) : undefined
  const log = isLog ? logTicks(axis.min ?? 1, axis.max ?? 1000) : undefined
  return {
    type: isLog ? 'log' : 'value',
    ...axisName(axis.title, side, theme),
    ...(axis.min === undefined ? { scale: true } : { min: log?.min ?? axis.min }),
    ...(axis.max === undefined ? {} : { max: log?.max ?? axis.max }),
    ...(side === 'x' && { splitNumber: parts }),
    ...(axis.unit === 'count' && !isLog && { minInterval: 1 }),
    ...(time && most !== null && timeScale(time.stepMs, fromMs, most, axis, side)),
    axisLabel: {
      color: theme.muted,
      fontSize: 11,
      hideOverlap: true,
      ...(log && { customValues: log.ticks }),
      // The end of time need not be round.
      ...(time && side === 'x' && { showMaxLabel: (most ?? 0) % time.stepMs === 0 }),
      formatter: (value: number) => time?.format(value) ?? formatValue(value, axis.unit),
    },
    axisLine: { show: true, lineStyle: { color: theme.line } },
    axisTick: {
      show: true,
      lineStyle: { color: theme.line },
      ...(log && { customValues: log.ticks }),
    },
    splitLine: { show: true, lineStyle: { color: theme.grid } },
  }
}

/** Time ends where the data do; other durations end at a label, and begin at one or at 0. */
function timeScale(
  interval: number,
  from: number,
  most: number,
  { max }: Axis,
  side: 'x' | 'y',
): Option {
  if (max !== undefined) return { interval }
  if (side === 'x') return { interval, max: most }
  return {
    interval,
    ...(from !== 0 && { min: Math.floor(from / interval + 1e-9) * interval }),
    max: Math.ceil(most / interval - 1e-9) * interval,
  }
}

/** Where the title of an axis stands: below the x axis, above the y axis, never on its side. */
export function axisName(title: string, side: 'x' | 'y', theme: Theme): Option {
  const style = { color: theme.muted, fontSize: 12, fontFamily: FONT }
  return side === 'x'
    ? { name: title, nameLocation: 'middle', nameGap: 28, nameTextStyle: style }
    : { name: title, nameLocation: 'end', nameGap: 9, nameTextStyle: { ...style, align: 'left' } }
}

/** Looks of what appears under the pointer. */
export function tooltipLook({ theme, width }: DrawOptions): Option {
  return {
    confine: true,
    backgroundColor: theme.tooltip,
    borderColor: theme.line,
    textStyle: { color: theme.text, fontSize: 12, fontFamily: FONT },
    extraCssText: `max-width:${Math.round(width * 0.8)}px;white-space:normal;`,
  }
}
