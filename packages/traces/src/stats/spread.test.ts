import { expect, test } from 'vitest'
import { spreadOf } from './spread.js'

test('by hand: quantiles as NumPy interpolates them, deviation of the population', () => {
  const spread = spreadOf(Float64Array.of(50, 10, 20, 40))
  expect(spread).toMatchObject({ count: 4, mean: 30, min: 10, max: 50, median: 30 })
  // Deviations 20, 20, 10 and 10.
  expect(spread.sd).toBeCloseTo(Math.sqrt(250), 12)
  expect(spread.p25).toBeCloseTo(17.5, 12)
  expect(spread.p75).toBeCloseTo(42.5, 12)
  expect(spread.p90).toBeCloseTo(47, 12)
  expect(spread.p99).toBeCloseTo(49.7, 12)
})

test('one value is all there is of it, and none are 0', () => {
  expect(spreadOf(Float64Array.of(7))).toMatchObject({ mean: 7, sd: 0, min: 7, p99: 7, max: 7 })
  expect(spreadOf(new Float64Array(0))).toMatchObject({ count: 0, mean: 0, sd: 0, median: 0 })
})
