import { expect, test } from 'vitest'
import { rankCorrelation, twoSampleDistance } from './samples.js'

test('by hand: the largest distance of two steps', () => {
  // Below 2 lie all of the first and a quarter of the second.
  const one = Float64Array.of(1, 1, 0)
  expect(twoSampleDistance(one, Float64Array.of(3, 2, 1, 2))).toBe(0.75)
  expect(twoSampleDistance(Float64Array.of(1, 2), Float64Array.of(2, 1))).toBe(0)
  expect(twoSampleDistance(Float64Array.of(1, 2), Float64Array.of(3))).toBe(1)
})

test('by hand: rank correlation, with shared ranks', () => {
  expect(rankCorrelation([10, 20, 30], [1, 2, 300])).toBe(1)
  expect(rankCorrelation([10, 20, 30], [3, 2, 1])).toBe(-1)
  // Of 6 times the squared differences 4 + 1 + 1 over 4 x 15.
  expect(rankCorrelation([1, 2, 3, 4], [3, 1, 2, 4])).toBeCloseTo(1 - (6 * 6) / 60, 12)
  // Ranks 1.5, 1.5, 3 and 1, 2, 3: products of deviations 0.5 + 0 + 1 over sqrt(1.5 x 2).
  expect(rankCorrelation([5, 5, 9], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12)
  expect(rankCorrelation([1, 2, 3], [7, 7, 7])).toBe(0)
  expect(rankCorrelation([7, 7, 7], [1, 2, 3])).toBe(0)
})
