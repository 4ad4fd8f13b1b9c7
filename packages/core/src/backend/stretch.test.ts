import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Stretch } from './stretch.js'

/** Dyadic numbers, so that every end of a step is exact. */
const dyadic = (min: number, max: number) => fc.integer({ min, max }).map((n) => n / 64)

test('the end of a stretch is the sum of its steps', () => {
  const stretch = new Stretch()
  Object.assign(stretch, { startMs: 100, baseMs: 2, slopeMs: 0.5, steps: 9 })
  expect([1, 2, 3].map((k) => stretch.endOf(k))).toEqual([102, 104.5, 107.5])
})

test('the step under way is found whatever the first guess, with ends included', () => {
  fc.assert(
    fc.property(
      dyadic(0, 6400),
      dyadic(1, 640),
      fc.oneof(fc.constant(0), dyadic(1, 64)),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: -5, max: 70 }),
      fc.integer({ min: 1, max: 60 }),
      dyadic(-2, 2),
      (startMs, baseMs, slopeMs, steps, guess, near, offset) => {
        const stretch = new Stretch()
        Object.assign(stretch, { startMs, baseMs, slopeMs, steps })
        const timeMs = stretch.endOf(Math.min(near, steps)) + offset
        if (timeMs > stretch.endOf(steps)) return
        let expected = 1
        while (stretch.endOf(expected) < timeMs) expected++
        expect(stretch.stepUnderWay(timeMs)).toBe(expected)
        expect(stretch.stepUnderWay(timeMs, guess)).toBe(expected)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a slope that is tiny beside the base does not cancel', () => {
  const stretch = new Stretch()
  Object.assign(stretch, { startMs: 0, baseMs: 10, slopeMs: 1e-12, steps: 1e6 })
  expect(stretch.stepUnderWay(123_456_789 / 16)).toBe(Math.ceil(123_456_789 / 160))
})
