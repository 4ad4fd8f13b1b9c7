import type { Mark } from '../chart/chart.js'
import type { Option } from './frame.js'

/** Labels of marks that stand close are at different heights. */
const HEIGHTS = ['insideEndTop', 'insideMiddleTop', 'insideStartTop']

/** Dotted lines across a chart, with what they are. */
export function markLine(marks: readonly Mark[], color: string, background: string): Option {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color, type: 'dotted', width: 1.5 },
    data: marks.map(({ axis, value, label, series = 0 }) => ({
      [axis === 'x' ? 'xAxis' : 'yAxis']: value,
      label: {
        formatter: () => label,
        position: HEIGHTS[series % HEIGHTS.length],
        color,
        fontSize: 11,
        textBorderColor: background,
        textBorderWidth: 3,
      },
    })),
  }
}
