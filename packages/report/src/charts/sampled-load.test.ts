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

test('seeds that look at different intervals count alike, each at its own times', () => {
  const look = (seed: number, time_ms: number, utilization: number) => ({
    ...{ seed, time_ms, utilization, backend: 0, kv_held: 0, kv_cached: 0 },
  })
  const often = [look(1, 10, 0), look(1, 20, 1), look(1, 30, 1), look(1, 35, 0)]
  const seldom = [look(2, 20, 1), look(2, 40, 0.5), look(2, 50, 0.5)]
  const chart = sampledLoad([...often, ...seldom], 'utilization', 'any', 'busy')
  if (chart.type !== 'xy') throw new Error(chart.type)
  const [{ x, y } = { x: [], y: [] }] = chart.series
  expect(x).toEqual([0, 20, 40])
  // The first run has 20 ms in the first stretch, busy for 10, and 15 in the second, busy for 10.
  expect(y).toEqual([(10 + 20) / 40, (10 + 10) / 35, 0.5])
})

test('the mean counts a stretch by its time, and what was found now and then is no mean', () => {
  const look = (time_ms: number, utilization: number) => ({
    ...{ time_ms, utilization, backend: 0, kv_held: utilization, kv_cached: 0 },
  })
  const run = [look(1000, 0.25), look(2000, 0.25), look(2100, 1)]
  const busy = sampledLoad(run, 'utilization', 'any', 'busy')
  expect(busy.table.rows).toEqual([['0', '28.6%', '100%']])
  expect(busy.summary).toContain('means over 1 s')
  const held = sampledLoad(run, 'kv_held', 'any', 'held')
  expect(held.summary).toContain('as found every 1 s')
  expect(sampledLoad(looks(360), 'kv_held', 'any', 'held').summary).toContain(
    'means over 3 s of what was found every 1 s',
  )
})

test('a stretch without a value has none', () => {
  const chart = sampledLoad(looks(360), 'kv_held', 'any', 'held')
  if (chart.type !== 'xy') throw new Error(chart.type)
  const [{ y } = { y: [] }] = chart.series
  expect([y[0], y[99], y[100], y[119]]).toEqual([0.25, 0.25, null, null])
})
