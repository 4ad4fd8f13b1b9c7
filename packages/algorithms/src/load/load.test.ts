import { RandomStream } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { Ema } from './ema.js'
import { InFlightTokens } from './in-flight-tokens.js'
import { LatencyPredictor } from './latency-predictor.js'
import { LowestRate } from './lowest-rate.js'
import { SlidingWindow } from './sliding-window.js'

test('tokens in flight are the sum of what was added and not released', () => {
  const step = fc.record({ request: fc.nat(9), backend: fc.nat(3), tokens: fc.nat(100) })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), step), { maxLength: 60 }), (steps) => {
      const tracker = new InFlightTokens()
      tracker.reserve(4)
      const held = new Map<number, { backend: number; tokens: number }>()
      for (const [isAdded, { request, backend, tokens }] of steps) {
        if (isAdded) {
          tracker.add(request, backend, tokens)
          held.set(request, { backend, tokens })
        } else {
          tracker.release(request)
          held.delete(request)
        }
        for (let b = 0; b < 4; b++) {
          const own = [...held.values()].filter((entry) => entry.backend === b)
          expect(tracker.requests[b]).toBe(own.length)
          expect(tracker.tokens[b]).toBe(own.reduce((sum, entry) => sum + entry.tokens, 0))
        }
      }
    }),
  )
})

test('a window has what is younger than its span', () => {
  const entry = fc.record({ gapMs: fc.nat(6), value: fc.integer({ min: -9, max: 9 }) })
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 60 }),
      fc.integer({ min: 1, max: 90 }),
      (all, span) => {
        const window = new SlidingWindow(span)
        const added: { ms: number; value: number }[] = []
        let nowMs = 0
        for (const { gapMs, value } of all) {
          nowMs += gapMs
          window.add(nowMs, value)
          added.push({ ms: nowMs, value })
          const inside = added.filter(({ ms }) => nowMs - ms < span)
          expect(window.count(nowMs)).toBe(inside.length)
          expect(window.sum(nowMs)).toBe(inside.reduce((sum, { value }) => sum + value, 0))
        }
        expect(window.count(nowMs + span)).toBe(0)
      },
    ),
  )
})

describe('LatencyPredictor', () => {
  const random = new RandomStream(1, 'test')

  test('finds the line that observations lie on, however old', () => {
    for (const memory of [1, 0.9]) {
      const predictor = new LatencyPredictor(memory, 0)
      for (const x of [10, 400, 30, 7, 90]) predictor.observe(x, 20 + 0.5 * x)
      expect(predictor.predict(1000, random)).toBeCloseTo(520, 6)
    }
  })

  test('is the least squares line of textbooks', () => {
    const predictor = new LatencyPredictor(1, 0)
    for (const [x, y] of [
      [1, 2],
      [2, 3],
      [3, 5],
      [4, 6],
    ] as const) {
      predictor.observe(x, y)
    }
    // Means 2.5 and 4, slope 7 / 5, intercept 0.5.
    expect(predictor.predict(5, random)).toBeCloseTo(7.5, 9)
    expect(predictor.weight).toBe(4)
  })

  test('says 0 before the first observation, the mean while x never varied, and nothing below 0', () => {
    const predictor = new LatencyPredictor(1, 0)
    expect(predictor.predict(50, random)).toBe(0)
    predictor.observe(5, 10)
    predictor.observe(5, 30)
    expect(predictor.predict(500, random)).toBe(20)
    predictor.observe(10, 5)
    expect(predictor.predict(1000, random)).toBe(0)
  })

  test('errs by the share it is told to', () => {
    const predictor = new LatencyPredictor(1, 0.2)
    predictor.observe(0, 100)
    const errors = Array.from({ length: 4000 }, () => predictor.predict(0, random) / 100 - 1)
    const mean = errors.reduce((a, b) => a + b) / errors.length
    const deviation = Math.sqrt(errors.reduce((sum, e) => sum + (e - mean) ** 2, 0) / errors.length)
    expect(mean).toBeCloseTo(0, 1)
    expect(deviation).toBeGreaterThan(0.18)
    expect(deviation).toBeLessThan(0.22)
  })
})

test('the lowest rate takes a backend never used, then the one with the fewest of late', () => {
  const rates = new LowestRate(60_000)
  const pick = (nowMs: number) => {
    const chosen = rates.pick(testCluster([{}, {}, { healthy: false }], { nowMs }))
    if (chosen.kind === 'backend') rates.sent(chosen.id, nowMs)
    return chosen.kind === 'backend' ? chosen.id : -1
  }
  expect([pick(0), pick(1), pick(2), pick(3), pick(59_999)]).toEqual([0, 1, 0, 1, 0])
  // By now the first request to each is forgotten: one of 0 was at 2 and one at 59,999.
  expect(pick(60_001)).toBe(1)
  // All are forgotten, but that there were any.
  const third = testCluster([{}, {}, {}], { nowMs: 200_000 })
  expect(rates.pick(third)).toBe(third.backends[2])
})

test('a moving average takes the first value as it is, then its share of each distance', () => {
  const ema = new Ema(0.25)
  expect(ema.value).toBeUndefined()
  const values = [8, 16, 2].map((value) => {
    ema.add(value)
    return ema.value
  })
  // 8 + 8 / 4 = 10, 10 - 8 / 4 = 8.
  expect(values).toEqual([8, 10, 8])
})
