import type { Axis, XyChart } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'
import { DotCanvas } from './dot-canvas.js'
import type { TerminalStyle } from './terminal-style.js'

const HEIGHT = 14
const MOST_WIDTH = 100
const LEAST_WIDTH = 12

/** Lines and points between two axes. */
export function terminalPlane(chart: XyChart, style: TerminalStyle): string[] {
  const shown = chart.series.filter(({ isGuide }) => isGuide !== true)
  const x = scaleOf(
    chart.x,
    shown.flatMap((series) => [...series.x]),
  )
  const y = scaleOf(
    chart.y,
    shown.flatMap((series) => [...series.y]),
  )
  const marks = [1, 0.5, 0].map((at) => formatValue(y.valueAt(at), chart.y.unit))
  const margin = Math.max(...marks.map((mark) => mark.length))
  const width = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, style.width - margin - 2))
  const canvas = new DotCanvas(width, HEIGHT, shown.length, style)
  shown.forEach((series, index) => {
    let before: readonly [number, number] | undefined
    series.x.forEach((valueX, i) => {
      const valueY = series.y[i] ?? null
      if (valueX === null || valueY === null) {
        before = undefined
        return
      }
      const [px, py] = [x.place(valueX), y.place(valueY)]
      if (before !== undefined && series.draw !== 'points') canvas.line(...before, px, py, index)
      else canvas.point(px, py, index)
      before = [px, py]
    })
  })
  const [bar, floor, corner] = style.isUnicode ? ['│', '─', '└'] : ['|', '-', '+']
  const rows = canvas.render().map((line, row) => {
    const mark = row === 0 ? marks[0]! : row === Math.floor(HEIGHT / 2) ? marks[1]! : ''
    return `${mark.padStart(margin)} ${bar}${line}`
  })
  const [left, middle, right] = [0, 0.5, 1].map((at) => {
    const value = x.valueAt(at)
    const isPart = chart.x.unit === 'count' && at === 0.5 && value % 1 !== 0
    return isPart ? '' : formatValue(value, chart.x.unit)
  })
  const half = Math.floor(width / 2)
  const labels =
    `${left!.padEnd(Math.max(left!.length + 1, half - Math.floor(middle!.length / 2)))}${middle}`.padEnd(
      width - right!.length,
    ) + right
  return [
    ...rows,
    `${marks[2]!.padStart(margin)} ${corner}${floor.repeat(width)}`,
    `${' '.repeat(margin + 2)}${labels}`,
    `${' '.repeat(margin + 2)}${chart.x.title}`,
  ]
}

/** Places values of an axis between 0 and 1, and back. */
function scaleOf(axis: Axis, values: readonly (number | null)[]) {
  let least = axis.min ?? Number.POSITIVE_INFINITY
  let most = axis.max ?? Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value === null) continue
    if (axis.min === undefined && value < least) least = value
    if (axis.max === undefined && value > most) most = value
  }
  if (!(most > least)) most = least + 1
  const isLog = axis.scale === 'log'
  const warp = isLog ? Math.log : (value: number) => value
  const back = isLog ? Math.exp : (value: number) => value
  const [from, to] = [warp(least), warp(most)]
  return {
    place: (value: number): number => (warp(value) - from) / (to - from),
    valueAt: (place: number): number => back(from + place * (to - from)),
  }
}
