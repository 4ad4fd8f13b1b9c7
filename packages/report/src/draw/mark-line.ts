import type { Option } from './frame.js'
import type { PlacedMark } from './placed-marks.js'

/** Labels of marks that stand close are at different heights. */
const POSITIONS = ['insideEndTop', 'insideMiddleTop', 'insideStartTop']

/** Dotted lines across a chart, with what they are. */
export function markLine(
  marks: readonly PlacedMark[],
  colorOf: (mark: PlacedMark) => string,
  background: string,
): Option {
  return {
    silent: true,
    symbol: 'none',
    data: marks.map((mark) => ({
      [mark.axis === 'x' ? 'xAxis' : 'yAxis']: mark.value,
      lineStyle: { color: colorOf(mark), type: 'dotted', width: 1.5 },
      label: {
        formatter: () => mark.label,
        position: POSITIONS[mark.height],
        color: colorOf(mark),
        fontSize: 11,
        textBorderColor: background,
        textBorderWidth: 3,
      },
    })),
  }
}
