import type { Option } from './frame.js'

/** What the chart library hands to a function that draws one item. */
interface ItemApi {
  value(dimension: number): number
  coord(point: readonly [number, number]): [number, number]
  barLayout(layout: Option): { offsetCenter: number }[]
}

const HALF_CAP = 4

/** A series of vertical intervals in the colour of another. */
export function whiskers(
  points: readonly (readonly [x: number, low: number, high: number])[],
  color: string,
  /** Which of how many bars side by side; points when undefined. */
  bar?: { readonly index: number; readonly count: number; readonly layout: Option },
): Option {
  return {
    type: 'custom',
    silent: true,
    // An interval may reach below an axis that begins at 0 or is logarithmic.
    clip: true,
    z: 5,
    data: points,
    encode: { x: 0, y: [1, 2] },
    tooltip: { show: false },
    renderItem: (_: unknown, api: ItemApi) => {
      const [x, low] = api.coord([api.value(0), api.value(1)])
      const [, high] = api.coord([api.value(0), api.value(2)])
      const offset = bar
        ? (api.barLayout({ ...bar.layout, count: bar.count })[bar.index]?.offsetCenter ?? 0)
        : 0
      const line = (x1: number, y1: number, x2: number, y2: number): Option => ({
        type: 'line',
        shape: { x1, y1, x2, y2 },
        style: { stroke: color, lineWidth: 1.5 },
      })
      const at = x + offset
      return {
        type: 'group',
        children: [
          line(at, low, at, high),
          line(at - HALF_CAP, low, at + HALF_CAP, low),
          line(at - HALF_CAP, high, at + HALF_CAP, high),
        ],
      }
    },
  }
}
