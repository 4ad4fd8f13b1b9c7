import type { HeatmapChart, TimelineChart } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'
import { cut, type TerminalStyle } from './terminal-style.js'

const MOST_WIDTH = 100
const SHADES = [' ', '░', '▒', '▓', '█']
const ASCII_SHADES = [' ', '.', ':', 'o', '#']

/** Rows of shades, as wide as fits. */
export function terminalHeatmap(chart: HeatmapChart, style: TerminalStyle): string[] {
  const { rows, values, from, x, value } = chart
  const shades = style.isUnicode ? SHADES : ASCII_SHADES
  const margin = Math.max(...rows.map((row) => row.length), 1)
  const width = Math.max(1, Math.min(from.length, MOST_WIDTH, style.width - margin - 2))
  const lines = rows.map((row, y) => {
    const cells = Array.from({ length: width }, (_, column) => {
      const start = Math.floor((column * from.length) / width)
      const end = Math.max(start + 1, Math.floor(((column + 1) * from.length) / width))
      const known = (values[y] ?? []).slice(start, end).filter((each) => each !== null)
      if (known.length === 0) return ' '
      const mean = known.reduce((sum, each) => sum + each, 0) / known.length
      const shade = Math.min(shades.length - 1, Math.ceil((mean / value.max) * (shades.length - 1)))
      return shades[shade]!
    })
    return `${row.padStart(margin)} ${style.paint?.(0, cells.join('')) ?? cells.join('')}`
  })
  const [first, last] = [from[0] ?? 0, from.at(-1) ?? 0].map((at) => formatValue(at, x.unit))
  const axis = `${first!.padEnd(Math.max(first!.length + 1, width - last!.length))}${last}`
  const scale = `${shades.at(-1)} = ${formatValue(value.max, value.unit)}`
  return [...lines, `${' '.repeat(margin + 1)}${axis}`, cut(scale, style.width, style)]
}

const PHASE_MARKS = ['·', '▒', '█']
const ASCII_PHASE_MARKS = ['.', '=', '#']

/** A line per row, a mark per phase. */
export function terminalTimeline(chart: TimelineChart, style: TerminalStyle): string[] {
  const marks = style.isUnicode ? PHASE_MARKS : ASCII_PHASE_MARKS
  const { rows, phases, x } = chart
  const margin = Math.max(...rows.map(({ name }) => name.length), 1)
  const width = Math.max(1, Math.min(MOST_WIDTH, style.width - margin - 2))
  const ends = rows.flatMap(({ spans }) => spans.map(({ toMs }) => toMs))
  const most = ends.reduce((a, b) => Math.max(a, b), 1)
  const lines = rows.map(({ name, spans }) => {
    const cells = new Array<string>(width).fill(' ')
    for (const { phase, fromMs, toMs } of spans) {
      const from = Math.floor((fromMs / most) * (width - 1))
      const to = Math.max(from, Math.ceil((toMs / most) * (width - 1)) - 1)
      const mark = marks[phase % marks.length]!
      for (let i = from; i <= to; i++) cells[i] = style.paint?.(phase, mark) ?? mark
    }
    return `${name.padStart(margin)} ${cells.join('').trimEnd()}`
  })
  const end = formatValue(most, x.unit)
  const legend = phases.map((phase, i) => `${marks[i % marks.length]} ${phase}`).join('  ')
  return [
    ...lines,
    `${' '.repeat(margin + 1)}${'0'.padEnd(Math.max(2, width - end.length))}${end}`,
    legend,
  ]
}
