import { expect, test } from 'vitest'
import { sampledLoad } from './sampled-load.js'

/** A backend that is busy in every third of its looks. */
function looks(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    ...{ time_ms: (i + 1) * 1000, backend: 0 },
    ...{ utilization: i % 3 === 0 ? 1 : 0, kv_held: i < 300 ? 0.25 : null, kv_cached: 0 },
  }))
}

test('many looks are drawn as means of a few each, none left out', () => {
  const chart = sampledLoad(looks(360), 'utilization', 'any', 'busy')
  if (chart.type !== 'xy') throw new Error(chart.type)
  const [{ x, y } = { x: [], y: [] }] = chart.series
  expect(x).toEqual(Array.from({ length: 120 }, (_, i) => i * 3000))
  expect(new Set(y)).toEqual(new Set([1 / 3]))
  expect(chart.summary).toContain('means over 3 s')
})

test('a stretch without a value has none', () => {
  const chart = sampledLoad(looks(360), 'kv_held', 'any', 'held')
  if (chart.type !== 'xy') throw new Error(chart.type)
  const [{ y } = { y: [] }] = chart.series
  expect([y[0], y[99], y[100], y[119]]).toEqual([0.25, 0.25, null, null])
})
