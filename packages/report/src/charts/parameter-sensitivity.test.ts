import { expect, test } from 'vitest'
import { barOption } from '../draw/bar-option.js'
import { LIGHT } from '../draw/theme.js'
import { renderTerminal } from '../terminal/render-terminal.js'
import { parameterSensitivity } from './parameter-sensitivity.js'

const objective = { title: 'TTFT P99', unit: 'ms', better: 'low' } as const
const chartOf = (effects: readonly (number | null)[]) =>
  parameterSensitivity(
    effects.map((effect, i) => ({ name: `p${i}`, effect, tried: [] })),
    objective,
  )

test('one parameter that matters far more than the others does not hide their bars', () => {
  const chart = chartOf([50, 0.4, 0.1, 0, null])
  expect(chart.value).toMatchObject({ title: 'Change (logarithmic scale)', scale: 'log' })
  const terminal = renderTerminal(chart, { width: 60, isUnicode: false }).split('\n')
  expect(terminal.at(-1)).toBe('Change (logarithmic scale)')
  const bars = terminal.slice(1, -1).map((line) => line.split('#').length - 1)
  expect(bars[0]).toBeGreaterThan(30)
  expect(bars[1]).toBeGreaterThan(bars[2]!)
  expect(bars[2]).toBeGreaterThan(2)
  expect(bars.slice(3)).toEqual([0, 0])
})

test('bars on a logarithmic axis bear their figures, and those without change have no height', () => {
  const drawn = barOption(chartOf([50, 0.4, 0]), { theme: LIGHT, width: 800, hasTitle: false })
  const [series] = drawn['series'] as { data: number[]; label: { formatter: Formatter } }[]
  const axis = drawn['yAxis'] as { min: number; startValue: number }
  expect(axis.startValue).toBe(axis.min)
  expect(series!.data).toEqual([50, 0.4, axis.min])
  const labels = [0, 1, 2].map((dataIndex) =>
    series!.label.formatter({ seriesIndex: 0, dataIndex }),
  )
  expect(labels).toEqual(['5000%', '40%', '0%'])
})

test.each([[[0.5, 0.2, 0]], [[0.5, 0.0001]], [[0, 0]], [[null]], [[3]]])(
  '%j fits a linear axis',
  (effects) => {
    expect(chartOf(effects).value).toMatchObject({ title: 'Change', scale: 'linear', min: 0 })
  },
)

type Formatter = (bar: { seriesIndex: number; dataIndex: number }) => string
