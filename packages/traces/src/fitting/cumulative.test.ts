import { expect, test } from 'vitest'
import { gammaCdf, normalCdf } from './cumulative.js'

test('shares of normal numbers, from a table', () => {
  expect(normalCdf(0)).toBe(0.5)
  expect(normalCdf(1)).toBeCloseTo(0.841344746068543, 12)
  expect(normalCdf(-1)).toBeCloseTo(1 - 0.841344746068543, 12)
  expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 12)
  expect(normalCdf(6)).toBeCloseTo(1, 8)
})

test('by hand: gamma numbers of whole shapes are sums of exponential ones', () => {
  // Below x lies 1 - e^-x times the first terms of the series of e^x, as many as the shape.
  for (const x of [0.01, 0.5, 1, 1.99, 2.5, 3, 4.5, 20]) {
    expect(gammaCdf(1, x)).toBeCloseTo(-Math.expm1(-x), 12)
    expect(gammaCdf(2, x)).toBeCloseTo(1 - Math.exp(-x) * (1 + x), 12)
    expect(gammaCdf(3, x)).toBeCloseTo(1 - Math.exp(-x) * (1 + x + x ** 2 / 2), 12)
  }
  expect(gammaCdf(2, 0)).toBe(0)
  expect(gammaCdf(2, -1)).toBe(0)
})
