import type { Chart } from '../chart/chart.js'
import { terminalBars, terminalLegend } from './terminal-bars.js'
import { terminalHeatmap, terminalTimeline } from './terminal-grid.js'
import { terminalPlane } from './terminal-plane.js'
import { cut, type TerminalStyle } from './terminal-style.js'

/**
 * Draws a chart in characters: lines of text no wider than the terminal. Without colours series have
 * letters.
 *
 * @example
 * renderTerminal(chart, { width: 80, isUnicode: true })
 */
export function renderTerminal(chart: Chart, style: TerminalStyle): string {
  return [...heading(chart, style), ...body(chart, style)].join('\n')
}

function heading(chart: Chart, style: TerminalStyle): string[] {
  const title = chart.type === 'xy' ? `${chart.title}: ${chart.y.title}` : chart.title
  const names =
    chart.type === 'xy'
      ? chart.series.filter(({ isGuide }) => isGuide !== true).map(({ name }) => name)
      : []
  return [cut(title, style.width, style), ...terminalLegend(names, style)]
}

function body(chart: Chart, style: TerminalStyle): string[] {
  switch (chart.type) {
    case 'xy':
      return terminalPlane(chart, style)
    case 'bars':
      return terminalBars(chart, style)
    case 'heatmap':
      return terminalHeatmap(chart, style)
    case 'timeline':
      return terminalTimeline(chart, style)
  }
}
