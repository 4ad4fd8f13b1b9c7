import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coefficientOfVariation, giniCoefficient, jainsIndex } from './fairness.js'

test('of three shares, by hand', () => {
  // Jain: (1 + 2 + 3)² / (3 · 14); CV: sqrt(2 / 3) / 2
  expect(jainsIndex([1, 2, 3])).toBeCloseTo(36 / 42, 12)
  expect(coefficientOfVariation([1, 2, 3])).toBeCloseTo(Math.sqrt(2 / 3) / 2, 12)
  // Gini: differences 1, 1 and 2, both ways, are 8 of 9 pairs, over twice the mean of 2.
  expect(giniCoefficient([3, 1, 2])).toBeCloseTo(8 / 9 / 4, 12)
  expect([giniCoefficient([5, 5]), giniCoefficient([0, 0, 0, 8])]).toEqual([0, 0.75])
})

test("Jain's index is from 1/n to 1, and 1 / (1 + CV²)", () => {
  const shares = fc
    .array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 64 })
    .filter((values) => values.some((value) => value > 0))
  fc.assert(
    fc.property(shares, (values) => {
      const index = jainsIndex(values)
      expect(index).toBeGreaterThanOrEqual(1 / values.length - 1e-12)
      expect(index).toBeLessThanOrEqual(1 + 1e-12)
      expect(index).toBeCloseTo(1 / (1 + coefficientOfVariation(values) ** 2), 9)
    }),
  )
})
