import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { affineLatency } from './affine-latency.js'
import { piecewiseLatency } from './piecewise-latency.js'

/** The original's defaults, for an H100. */
const h100 = {
  prefillTokensPerSec: 50_000,
  decodeTokensPerSecBatch1: 80,
  decodeThroughputSaturationBatch: 64,
  decodeTokensPerSecSaturated: 3200,
}
const a = {
  baseMs: 6,
  prefillMsPerToken: 0.055,
  decodeMsPerRequest: 0.01,
  decodeMsPerContextToken: 3.9e-5,
}

function step(prefillTokens: number, decodeRequests = 0, decodeContextTokens = 0): StepShape {
  return {
    prefillTokens,
    prefillRequests: prefillTokens > 0 ? 1 : 0,
    prefillAttentionPairs: (prefillTokens * (prefillTokens + 1)) / 2,
    decodeRequests,
    decodeContextTokens,
  }
}

const anyStep = fc
  .tuple(fc.nat(8192), fc.nat(256), fc.nat(100_000))
  .filter(([prefill, decodes]) => prefill + decodes > 0)
  .map(([prefill, decodes, context]) =>
    step(prefill, decodes, decodes === 0 ? 0 : decodes + context),
  )
/** Numbers with few bits: sums and products of them are exact. */
const dyadic = fc.integer({ min: 1, max: 1024 }).map((n) => n / 1024)

function segmentOf(model: LatencyModel, shape: StepShape): StepSegment {
  const out = { baseMs: NaN, slopeMs: NaN, steps: NaN }
  model.segment(shape, out)
  return out
}

/** Each step gives every decoding request one more token of context. */
function afterSteps(shape: StepShape, n: number): StepShape {
  return { ...shape, decodeContextTokens: shape.decodeContextTokens + n * shape.decodeRequests }
}

describe('piecewiseLatency', () => {
  const model = piecewiseLatency(h100)

  test('of the original defaults, by hand and without rounding', () => {
    expect(model.stepMs(step(0, 1))).toBe(12.5)
    expect(model.stepMs(step(0, 64))).toBe(20)
    expect(model.stepMs(step(0, 128))).toBe(40)
    // 80 + 3120 / 63 tokens per second at batch 2
    expect(model.stepMs(step(0, 2))).toBeCloseTo(2000 / (80 + 3120 / 63), 12)
    expect(model.stepMs(step(1000))).toBe(20)
    expect(model.stepMs(step(1))).toBe(0.02)
  })

  test('a step that does both takes the sum', () => {
    expect(model.stepMs(step(1000, 64, 5000))).toBe(40)
  })

  test('saturation at batch 1 is the saturated rate throughout', () => {
    const flat = piecewiseLatency({ ...h100, decodeThroughputSaturationBatch: 1 })
    expect(flat.stepMs(step(0, 1))).toBe(1000 / 3200)
    expect(flat.stepMs(step(0, 32))).toBe(10)
  })

  test('larger batches take longer, and no longer per token', () => {
    for (let batch = 1; batch < 200; batch++) {
      const now = model.stepMs(step(0, batch))
      const next = model.stepMs(step(0, batch + 1))
      expect(next).toBeGreaterThan(now)
      expect(next / (batch + 1)).toBeLessThanOrEqual(now / batch)
    }
  })

  test('every step takes time and stays as it is while the batch does', () => {
    fc.assert(
      fc.property(anyStep, fc.nat(1000), (shape, n) => {
        const baseMs = model.stepMs(shape)
        expect(baseMs).toBeGreaterThan(0)
        expect(segmentOf(model, shape)).toEqual({ baseMs, slopeMs: 0, steps: Infinity })
        expect(model.stepMs(afterSteps(shape, n))).toBe(baseMs)
      }),
    )
  })

  test.each([
    ['prefillTokensPerSec', 0, 'a finite number > 0'],
    ['decodeTokensPerSecBatch1', -1, 'a finite number > 0'],
    ['decodeTokensPerSecSaturated', Number.NaN, 'a finite number > 0'],
    ['decodeThroughputSaturationBatch', 0, 'an integer >= 1'],
    ['decodeThroughputSaturationBatch', 1.5, 'an integer >= 1'],
  ])('refuses %s = %d', (path, value, expected) => {
    expect(() => piecewiseLatency({ ...h100, [path]: value })).toThrow(
      expect.objectContaining({
        code: 'latency_invalid',
        path,
        message: `${path}: expected ${expected}, got ${value}`,
      }),
    )
  })
})

describe('affineLatency', () => {
  test('by hand', () => {
    const model = affineLatency({
      baseMs: 4,
      prefillMsPerToken: 0.5,
      decodeMsPerRequest: 0.25,
      decodeMsPerContextToken: 0.125,
    })
    expect(model.stepMs(step(10))).toBe(9)
    expect(model.stepMs(step(0, 2, 100))).toBe(17)
    expect(model.stepMs(step(10, 2, 100))).toBe(22)
    expect(segmentOf(model, step(0, 2, 100))).toEqual({
      baseMs: 17,
      slopeMs: 0.25,
      steps: Infinity,
    })
  })

  test('a segment is exactly what its steps are one by one', () => {
    const parameters = fc.record({
      baseMs: dyadic,
      prefillMsPerToken: dyadic,
      decodeMsPerRequest: dyadic,
      decodeMsPerContextToken: dyadic,
    })
    fc.assert(
      fc.property(parameters, anyStep, fc.nat(10_000), (options, shape, n) => {
        const model = affineLatency(options)
        const { baseMs, slopeMs } = segmentOf(model, shape)
        expect(baseMs + n * slopeMs).toBe(model.stepMs(afterSteps(shape, n)))
      }),
    )
  })

  test('every step takes time, and more work takes no less', () => {
    const model = affineLatency(a)
    fc.assert(
      fc.property(anyStep, anyStep, (shape, more) => {
        const sum = step(
          shape.prefillTokens + more.prefillTokens,
          shape.decodeRequests + more.decodeRequests,
          shape.decodeContextTokens + more.decodeContextTokens,
        )
        expect(model.stepMs(shape)).toBeGreaterThan(0)
        expect(model.stepMs(sum)).toBeGreaterThanOrEqual(model.stepMs(shape))
      }),
    )
  })

  test('needs no base when prefills and decodes both take time', () => {
    const model = affineLatency({ ...a, baseMs: 0, decodeMsPerRequest: 0 })
    expect(model.stepMs(step(0, 1, 1))).toBeGreaterThan(0)
    // And nothing else with a base, however short.
    const base = affineLatency({ ...a, baseMs: 0.5, prefillMsPerToken: 0, decodeMsPerRequest: 0 })
    expect(base.stepMs(step(8))).toBe(0.5)
  })

  test.each([
    ['baseMs', { baseMs: -1 }, 'a finite number >= 0', -1],
    ['decodeMsPerContextToken', { decodeMsPerContextToken: Infinity }, 'a finite', Infinity],
    ['prefillMsPerToken', { baseMs: 0, prefillMsPerToken: 0 }, 'a number > 0 because', 0],
    [
      'decodeMsPerRequest',
      { baseMs: 0, decodeMsPerRequest: 0, decodeMsPerContextToken: 0 },
      'a number > 0 because',
      0,
    ],
  ])('refuses %s in %j', (path, wrong, expected, value) => {
    expect(() => affineLatency({ ...a, ...wrong })).toThrow(
      expect.objectContaining({
        code: 'latency_invalid',
        path,
        message: expect.stringMatching(`^${path}: expected ${expected}.*, got ${value}$`),
      }),
    )
  })
})
