import { EMPTY_STEP, type LatencyModel, type StepShape } from '@routesim/core'
import { affineLatency, mockerLatency, tableLatency } from '@routesim/hardware'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { buildLatency } from './build-latency.js'
import { scaledLatency } from './scaled-latency.js'

/** A step with one prompt chunk, and decodes of so much context each. */
function stepOf(prompt: number, cached: number, decodes: number, context: number): StepShape {
  return {
    prefillTokens: prompt,
    prefillRequests: prompt > 0 ? 1 : 0,
    prefillAttentionPairs: prompt * cached + (prompt * (prompt + 1)) / 2,
    decodeRequests: decodes,
    decodeContextTokens: decodes * context,
  }
}

function rooflineOf(keys: string): LatencyModel {
  return buildLatency(parseConfig(`[cluster]\nnum_backends = 1\ngpu = "H100 SXM"\n${keys}`).cluster)
}

test('by hand: what both share is paid by the answers', () => {
  const latency = affineLatency({
    baseMs: 4,
    prefillMsPerToken: 0.1,
    decodeMsPerRequest: 0.5,
    decodeMsPerContextToken: 0.001,
  })
  const dearer = scaledLatency(latency, { prompts: 3, answers: 2 })
  expect(dearer.stepMs(stepOf(100, 0, 0, 0))).toBeCloseTo(3 * (4 + 10), 12)
  expect(dearer.stepMs(stepOf(0, 0, 8, 500))).toBeCloseTo(2 * (4 + 4 + 4), 12)
  expect(dearer.stepMs(stepOf(100, 0, 8, 500))).toBeCloseTo(2 * 12 + 3 * 10, 12)
  const out = { baseMs: 0, slopeMs: 0, steps: 0 }
  dearer.segment(stepOf(100, 0, 8, 500), out)
  expect(out.slopeMs).toBeCloseTo(2 * 8 * 0.001, 12)
  expect(out.steps).toBe(Number.POSITIVE_INFINITY)
  const asItWas = scaledLatency(latency, { prompts: 1, answers: 1 })
  expect(asItWas.stepMs(stepOf(100, 0, 8, 500))).toBeCloseTo(22, 12)
})

test('a stretch ends where that of the answers alone does', () => {
  const latency: LatencyModel = {
    name: 'knee without prompts',
    stepMs: ({ prefillTokens, decodeContextTokens: context }) =>
      prefillTokens > 0 ? 50 + 0.2 * context : 1 + 0.1 * Math.min(context, 100),
    segment(step, out) {
      const { prefillTokens, decodeContextTokens: context } = step
      const isFlat = prefillTokens === 0 && context >= 100
      out.baseMs = latency.stepMs(step)
      out.slopeMs = prefillTokens > 0 ? 0.2 : isFlat ? 0 : 0.1
      out.steps = prefillTokens > 0 || isFlat ? Number.POSITIVE_INFINITY : 101 - context
    },
  }
  const out = { baseMs: 0, slopeMs: 0, steps: 0 }
  scaledLatency(latency, { prompts: 3, answers: 2 }).segment(stepOf(100, 0, 1, 40), out)
  expect(out.steps).toBe(61)
  expect(out.baseMs).toBeCloseTo(2 * 5 + 3 * 53, 12)
  expect(out.slopeMs).toBeCloseTo(2 * 0.1 + 3 * 0.1, 12)
})

const rows = [0, 16, 640].flatMap((prefillTokens) =>
  [0, 4, 64].flatMap((decodeRequests) =>
    [10, 400, 4000].map((contextTokens) => ({
      prefillTokens,
      decodeRequests,
      contextTokens,
      stepMs:
        1 +
        prefillTokens / 30 +
        decodeRequests / 7 +
        Math.sqrt(contextTokens * decodeRequests * (1 + prefillTokens)) / 9,
    })),
  ),
)

const MODELS: readonly (readonly [string, LatencyModel])[] = [
  ['a roofline', rooflineOf('model = "llama-3.1-8b"')],
  ['a roofline with windows', rooflineOf('model = "gpt-oss-20b"')],
  ['a table', tableLatency(rows)],
  ['the mocker', mockerLatency({ totalKvTokens: 90_000 })],
  [
    'an affine model whose prompts seem to save time',
    affineLatency({
      baseMs: 4,
      prefillMsPerToken: 0.01,
      decodeMsPerRequest: 0.05,
      decodeMsPerContextToken: 2e-3,
      mixedDecodeMsPerContextToken: 1e-4,
      prefillMsPerAttentionPair: 1e-6,
    }),
  ],
]

const anyStep = fc
  .tuple(fc.nat(4096), fc.nat(20_000), fc.nat(256), fc.nat(8000))
  .filter(([prompt, , decodes]) => prompt + decodes > 0)
  .map(([prompt, cached, decodes, context]) => stepOf(prompt, cached, decodes, context + 1))
const factor = fc.constantFrom(0.5, 1 / 1.5, 1, 1.5, 2)

test.each(MODELS)('a segment is what its steps are one by one: %s', (_, latency) => {
  fc.assert(
    fc.property(anyStep, factor, factor, (step, prompts, answers) => {
      const scaled = scaledLatency(latency, { prompts, answers })
      const out = { baseMs: 0, slopeMs: 0, steps: 0 }
      scaled.segment(step, out)
      expect(out.steps).toBeGreaterThanOrEqual(1)
      const last = Math.min(out.steps, 1e5) - 1
      for (const n of [0, Math.min(1, last), Math.floor(last / 2), last]) {
        const later = {
          ...step,
          decodeContextTokens: step.decodeContextTokens + n * step.decodeRequests,
          prefillAttentionPairs: step.prefillAttentionPairs + n * step.prefillTokens ** 2,
        }
        const ms = scaled.stepMs(later)
        expect(ms).toBeGreaterThan(0)
        expect((out.baseMs + n * out.slopeMs) / ms).toBeCloseTo(1, 9)
      }
    }),
    { numRuns: 500 },
  )
})

test('by hand: what ranks share is split as their own steps are', () => {
  const latency: LatencyModel = {
    ...affineLatency({
      baseMs: 1,
      prefillMsPerToken: 1,
      decodeMsPerRequest: 1,
      decodeMsPerContextToken: 0,
    }),
    sharedMs: (step, all) =>
      all.prefillTokens + all.decodeRequests - step.prefillTokens - step.decodeRequests,
  }
  const { sharedMs } = scaledLatency(latency, { prompts: 3, answers: 2 })
  const decodes = stepOf(0, 0, 5, 1)
  expect(sharedMs!(decodes, stepOf(0, 0, 12, 1))).toBe(2 * 7)
  expect(sharedMs!(decodes, stepOf(100, 0, 12, 1))).toBe(2 * 7 + 3 * 100)
  expect(sharedMs!(stepOf(60, 0, 5, 1), stepOf(100, 0, 12, 1))).toBe(2 * 7 + 3 * 40)
  expect(sharedMs!(stepOf(60, 0, 0, 0), stepOf(100, 0, 0, 0))).toBe(3 * 40)
  expect(sharedMs!(decodes, decodes)).toBe(0)
  const own = scaledLatency({ ...latency, sharedMs: undefined! }, { prompts: 3, answers: 2 })
  expect(own.sharedMs).toBeUndefined()
  expect(latency.stepMs(EMPTY_STEP)).toBe(1)
})
