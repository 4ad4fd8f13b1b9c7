import type { BarChart } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'
import { cut, letterOf, type TerminalStyle } from './terminal-style.js'

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
/** Shorter bars tell nothing. */
const LEAST_BAR = 8

/** Bars from the left, one line per category and series. */
export function terminalBars(chart: BarChart, style: TerminalStyle): string[] {
  const { categories, series, value } = chart
  const values = series.flatMap((each) => each.values.map((number) => number ?? 0))
  const most = values.reduce((a, b) => Math.max(a, b), 0)
  const share = value.scale === 'log' ? logShare(value.min ?? 1, most) : linearShare(most)
  const texts = values.map((number) => formatValue(number, value.unit).length)
  const textWidth = texts.reduce((a, b) => Math.max(a, b), 0)
  const names = series.map(({ name }) => name.length)
  const longest = Math.max(...names, ...categories.map((category) => category.length), 0)
  const labels = Math.max(4, Math.min(longest + 2, style.width - textWidth - LEAST_BAR - 3))
  const room = Math.max(1, style.width - labels - textWidth - 3)
  const line = (label: string, index: number, number: number | null): string => {
    const bar = number === null || number <= 0 ? '' : barOf(share(number) * room, style)
    const painted = style.paint?.(index, bar) ?? bar
    return `${cut(label, labels, style).padEnd(labels)} ${painted} ${formatValue(number, value.unit)}`
  }
  // Those of a linear scale are as long as their figures say.
  const foot = value.scale === 'log' ? [cut(value.title, style.width, style)] : []
  if (series.length === 1) {
    const lines = categories.map((name, i) => line(name, 0, series[0]!.values[i] ?? null))
    return [...lines, ...foot]
  }
  const groups = categories.flatMap((category, i) => [
    category,
    ...series.map((each, index) => line(`  ${each.name}`, index, each.values[i] ?? null)),
  ])
  return [...groups, ...foot]
}

/** How long a bar is, of the longest. */
function linearShare(most: number): (value: number) => number {
  return (value) => value / most
}

/** The same on a logarithmic scale from `least`. */
function logShare(least: number, most: number): (value: number) => number {
  return (value) => Math.max(0, Math.log(value / least) / Math.log(most / least))
}

function barOf(size: number, { isUnicode }: TerminalStyle): string {
  if (!isUnicode) return '#'.repeat(Math.round(size))
  const whole = Math.floor(size)
  return '█'.repeat(whole) + EIGHTHS[Math.floor((size - whole) * 8)]!
}

/** The names of series with their colours or letters. */
export function terminalLegend(names: readonly string[], style: TerminalStyle): string[] {
  if (names.length < 2) return []
  return names.map((name, i) => {
    const mark = style.paint ? style.paint(i, style.isUnicode ? '━━' : '--') : letterOf(i)
    return cut(`${mark} ${name}`, style.width + (style.paint ? mark.length : 0), style)
  })
}
