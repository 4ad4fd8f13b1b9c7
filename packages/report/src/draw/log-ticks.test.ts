import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logTicks } from './log-ticks.js'

test('ticks are 1, 2, 5 around the range', () => {
  expect(logTicks(30, 400)).toEqual({ min: 20, max: 500, ticks: [20, 50, 100, 200, 500] })
  expect(logTicks(1, 100_000).ticks).toEqual([1, 10, 100, 1000, 10_000, 100_000])
})

test('whatever the range, it lies within the bounds and has ticks', () => {
  const positive = fc.double({ min: 1e-3, max: 1e9, noNaN: true })
  fc.assert(
    fc.property(positive, fc.double({ min: 20, max: 1e6, noNaN: true }), (least, factor) => {
      const { min, max, ticks } = logTicks(least, least * factor)
      expect(min).toBeLessThanOrEqual(least * (1 + 1e-6))
      expect(max).toBeGreaterThanOrEqual(least * factor * (1 - 1e-6))
      expect(min).toBeGreaterThan(least / 5.1)
      expect(ticks.length).toBeGreaterThan(1)
    }),
  )
})
