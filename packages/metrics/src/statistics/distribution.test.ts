import { expect, test } from 'vitest'
import { distributionOfColumn } from './distribution.js'
import { extentOf } from './extent.js'

test('of eight values and one that is absent, by hand', () => {
  const column = Float64Array.of(9, 4, 2, Number.NaN, 5, 4, 7, 4, 5)
  const { std, ...rest } = distributionOfColumn(column, extentOf(column))
  // Sorted 2 4 4 4 5 5 7 9; the quantile q is at 7 q: 1.75, 3.5, 5.25, 6.3, 6.65 and 6.93.
  expect(rest).toMatchObject({ count: 8, min: 2, max: 9, mean: 5, p25: 4, p50: 4.5, p75: 5.5 })
  expect(rest.p90).toBeCloseTo(7.6, 12)
  expect(rest.p95).toBeCloseTo(8.3, 12)
  expect(rest.p99).toBeCloseTo(8.86, 12)
  // Squares of distances from 5: 9 + 3 x 1 + 0 + 4 + 16 = 32, over 8.
  expect(std).toBeCloseTo(2, 12)
})
