import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { confidenceInterval } from './confidence-interval.js'
import { studentT } from './student-t.js'

describe('studentT', () => {
  // The printed table, two-sided.
  test.each([
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 4, 2.776],
    [0.95, 9, 2.262],
    [0.95, 29, 2.045],
    [0.95, 120, 1.98],
    [0.9, 10, 1.812],
    [0.99, 4, 4.604],
    [0.99, 9, 3.25],
    [0.999, 3, 12.924],
    [0.5, 1, 1],
  ])('level %d with %d degrees of freedom is %d', (level, degrees, t) => {
    expect(studentT(level, degrees)).toBeCloseTo(t, 3)
  })

  test('tends to the normal quantile', () => {
    expect(studentT(0.95, 10_000)).toBeCloseTo(1.9602, 4)
  })
})

describe('confidenceInterval', () => {
  test('of five values, by hand', () => {
    // mean 12, sample variance (4 + 1 + 0 + 1 + 4) / 4 = 2.5, standard error sqrt(0.5)
    const { mean, halfWidth, n } = confidenceInterval([10, 11, 12, 13, 14])
    expect({ mean, n }).toEqual({ mean: 12, n: 5 })
    expect(halfWidth).toBeCloseTo(2.7764 * Math.SQRT1_2, 4)
  })

  test('of one value is unknown, of none too', () => {
    expect(confidenceInterval([7])).toEqual({ n: 1, mean: 7, halfWidth: null })
    expect(confidenceInterval([])).toEqual({ n: 0, mean: null, halfWidth: null })
  })

  test('leaves out what is not there', () => {
    const { mean, halfWidth, n } = confidenceInterval([1, Number.NaN, 3, Number.POSITIVE_INFINITY])
    // Of 1 and 3: mean 2, sample variance 2, standard error 1.
    expect({ mean, n }).toEqual({ mean: 2, n: 2 })
    expect(halfWidth).toBeCloseTo(12.706, 3)
    expect(confidenceInterval([Number.NaN])).toEqual({ n: 0, mean: null, halfWidth: null })
  })

  test('equal values leave no doubt', () => {
    expect(confidenceInterval([0.1, 0.1, 0.1])).toEqual({ n: 3, mean: 0.1, halfWidth: 0 })
  })

  test('moves with its values and grows with the level', () => {
    const values = fc.array(fc.integer({ min: -1000, max: 1000 }), {
      minLength: 2,
      maxLength: 30,
    })
    fc.assert(
      fc.property(values, fc.integer({ min: -1000, max: 1000 }), (sample, shift) => {
        const plain = confidenceInterval(sample)
        const shifted = confidenceInterval(sample.map((value) => value + shift))
        expect(shifted.mean!).toBeCloseTo(plain.mean! + shift, 9)
        expect(shifted.halfWidth!).toBeCloseTo(plain.halfWidth!, 9)
        expect(confidenceInterval(sample, 0.99).halfWidth!).toBeGreaterThanOrEqual(plain.halfWidth!)
      }),
    )
  })

  test('refuses a level that is not between 0 and 1', () => {
    expect(() => confidenceInterval([1, 2], 95)).toThrow(
      'confidence level: expected a number between 0 and 1, got 95',
    )
  })
})
