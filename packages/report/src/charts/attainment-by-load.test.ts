import { expect, test } from 'vitest'
import { LIGHT } from '../draw/theme.js'
import { xyOption } from '../draw/xy-option.js'
import { renderTerminal } from '../terminal/render-terminal.js'
import { attainmentByLoad } from './attainment-by-load.js'

const probe = (value: number, attainment: number) =>
  ({
    value,
    split: null,
    attainment,
    meets: attainment > 0.9,
    attainment_ci95: null,
    saturation: 'none',
  }) as const
const searched = ['a', 'b'].map((label) => ({
  label,
  meets: 2,
  misses: 1,
  probes: [probe(1, 0.4), probe(2, 1), probe(4, 1)].map((each) => ({ ...each, ttft_p99: null })),
}))

test('there are no parts of a backend on the axis of a fleet', () => {
  const chart = attainmentByLoad(searched, 0.99, 'backends')
  const { xAxis } = xyOption(chart, { theme: LIGHT, width: 1000, hasTitle: false })
  expect(xAxis).toMatchObject({ minInterval: 1 })
  expect(renderTerminal(chart, { width: 60, isUnicode: false })).not.toContain('2.5')
  const rates = attainmentByLoad(searched, 0.99, 'rate')
  expect(renderTerminal(rates, { width: 60, isUnicode: false })).toContain('2.5')
})

test('no line leads through fleets that are dealt out in more than one way', () => {
  const splits = [
    [1, 3],
    [2, 2],
    [4, 1],
  ]
  const [first] = searched
  const probes = first!.probes.map((each, i) => ({ ...each, split: splits[i]! }))
  const chart = attainmentByLoad([{ ...first!, probes }, first!], 0.99, 'backends')
  expect(chart.series.map(({ draw }) => draw)).toEqual(['points', 'line'])
  expect(chart.table.rows[0]).toContain('1 + 3')
})
