import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BackendSpec } from '../../engine/simulation-options.js'
import { BackendBatch } from './backend-batch.js'
import { endAfter, stepUnderWay } from './stretches.js'

/** The stretch of backend 1, and a way to ask which of its steps is under way. */
function stretch(startMs: number, baseMs: number, slopeMs: number, steps: number) {
  const spec = { kv: { blockTokens: 16 }, maxBatchTokens: 2048, maxNumSeqs: 256 } as BackendSpec
  const batches = [new BackendBatch(spec, 0, 0), new BackendBatch(spec, 0, 0)]
  Object.assign(batches[1]!, { startMs, baseMs, slopeMs, steps })
  const time = new Float64Array(1)
  const state = { batches, time }
  return {
    endOf: (k: number) => endAfter(state, 1, k),
    stepAt(timeMs: number, guess?: number) {
      time[0] = timeMs
      return stepUnderWay(state, 1, guess)
    },
  }
}

/** Dyadic numbers, so that every end of a step is exact. */
const dyadic = (min: number, max: number) => fc.integer({ min, max }).map((n) => n / 64)

test('the end of a stretch is the sum of its steps', () => {
  const { endOf } = stretch(100, 2, 0.5, 9)
  expect([1, 2, 3].map((k) => endOf(k))).toEqual([102, 104.5, 107.5])
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
        const { endOf, stepAt } = stretch(startMs, baseMs, slopeMs, steps)
        const timeMs = endOf(Math.min(near, steps)) + offset
        if (timeMs > endOf(steps)) return
        let expected = 1
        while (endOf(expected) < timeMs) expected++
        expect(stepAt(timeMs)).toBe(expected)
        expect(stepAt(timeMs, guess)).toBe(expected)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a slope that is tiny beside the base does not cancel', () => {
  const { stepAt } = stretch(0, 10, 1e-12, 1e6)
  expect(stepAt(123_456_789 / 16)).toBe(Math.ceil(123_456_789 / 160))
})
