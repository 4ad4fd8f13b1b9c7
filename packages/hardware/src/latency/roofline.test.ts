import type { StepShape } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { GPUS } from '../gpus/gpu-catalogue.js'
import { findModel, MODELS } from '../models/find-model.js'
import {
  attentionFlopsPerPair,
  flopsPerToken,
  kvBytesPerTokenLayer,
  modelParameters,
  windowOf,
} from '../models/model-size.js'
import { WEIGHT_PRECISIONS } from '../precision/precision.js'
import { afterSteps, anyStep, segmentError, stepOf } from '../testing/segments.js'
import { expectedDistinct, expectedLargest } from './expert-coverage.js'
import { type RooflineLatency, rooflineLatency } from './roofline-latency.js'
import type { RooflineOptions } from './roofline-options.js'

const h100: RooflineOptions = {
  model: findModel('llama-3.1-70b'),
  gpu: findGpu('h100'),
  parallelism: { tp: 4, pp: 1, ep: 1 },
  precision: 'bf16',
  kvPrecision: 'bf16',
  hostMsPerRequest: 0.035,
  granularity: 'step',
}

/** Any deployment that the model allows. */
const deployment: fc.Arbitrary<RooflineOptions> = fc
  .record({
    model: fc.constantFrom(...MODELS),
    gpu: fc.constantFrom(...GPUS),
    precision: fc.constantFrom(...WEIGHT_PRECISIONS),
    kvPrecision: fc.constantFrom('bf16' as const, 'fp8' as const),
    granularity: fc.constantFrom('step' as const, 'operator' as const),
    hostMsPerRequest: fc.constantFrom(0, 0.035),
    tp: fc.constantFrom(1, 2, 4, 8),
    pp: fc.constantFrom(1, 2, 4),
    isExpertParallel: fc.boolean(),
  })
  .filter(({ model, tp }) => model.attention.heads % tp === 0)
  .map(({ tp, pp, isExpertParallel, ...rest }) => {
    const ep = isExpertParallel && rest.model.experts !== undefined ? tp : 1
    return { ...rest, parallelism: { tp, pp, ep } }
  })

describe('rooflineLatency', () => {
  test('by hand: decodes of Llama 3.1 70B on 4 H100', () => {
    const latency = rooflineLatency(h100)
    const layers = 80 * (8192 * 128 * (64 + 2 * 8 + 64) + 3 * 8192 * 28672)
    const weights = layers + 128256 * 8192
    const readMs = (weights * 2 * 1000) / (4 * 3.35e12 * 0.92)
    const computeMs = (2 * weights * 1000) / (4 * 989.5e12 * 0.69)
    const parts = latency.breakdown(stepOf(0, 0, 1, 1000))
    expect(parts.matmulMs).toBeCloseTo((readMs ** 2.8 + computeMs ** 2.8) ** (1 / 2.8), 9)
    expect(parts.attentionMs).toBeCloseTo((1000 * 327_680 * 1000) / (4 * 3.35e12 * 0.89), 9)
    expect(parts.floorMs).toBeCloseTo(80 * (4 * 0.0048 + 5 * 0.0037 + 0.0124), 9)
    const reduced = 8192 * 2 * 1.5
    expect(parts.communicationMs).toBeCloseTo(160 * (0.01 + (reduced * 1000) / (450e9 * 0.72)), 9)
    expect(parts.expertMs).toBe(0)
    expect(parts.hostMs).toBe(0.035)
    const sum = Object.values(parts).reduce((total, ms) => total + ms, 0)
    expect(latency.stepMs(stepOf(0, 0, 1, 1000))).toBeCloseTo(sum, 9)
  })

  test('an engine with fused kernels pays less of what is fixed, and as much of what grows', () => {
    const plain = rooflineLatency(h100).breakdown(stepOf(100, 0, 8, 8000))
    const fused = rooflineLatency({ ...h100, kernelFloorScale: 0.5 }).breakdown(
      stepOf(100, 0, 8, 8000),
    )
    expect(fused.floorMs).toBeCloseTo(plain.floorMs / 2, 12)
    expect(plain.communicationMs - fused.communicationMs).toBeCloseTo(160 * 0.005, 9)
    expect(fused.matmulMs).toBe(plain.matmulMs)
    const refused = expect.objectContaining({ code: 'latency_invalid', path: 'kernelFloorScale' })
    expect(() => rooflineLatency({ ...h100, kernelFloorScale: -1 })).toThrow(refused)
  })

  test('a window stops the growth: half of the layers of gpt-oss see 128 tokens', () => {
    const latency = rooflineLatency({ ...h100, model: findModel('gpt-oss-120b') })
    const attentionMs = (context: number): number =>
      latency.breakdown(stepOf(0, 0, 8, 8 * context)).attentionMs
    expect(attentionMs(128) / attentionMs(64)).toBeCloseTo(2, 9)
    const perToken = attentionMs(64) / 64
    expect(attentionMs(1128)).toBeCloseTo(attentionMs(128) + (1000 * perToken) / 2, 9)
  })

  test('decodes cost more in steps with prompts where kernels pad them, as on an RTX 4090', () => {
    const options = {
      ...h100,
      model: findModel('llama-3.1-8b'),
      parallelism: { tp: 1, pp: 1, ep: 1 },
    }
    const ratio = (gpu: string): number => {
      const latency = rooflineLatency({ ...options, gpu: findGpu(gpu) })
      const attentionMs = (prefill: number, decodes: number): number =>
        latency.breakdown(stepOf(prefill, 0, decodes, decodes * 2048)).attentionMs
      return (attentionMs(512, 64) - attentionMs(512, 0)) / attentionMs(0, 64)
    }
    // Measured: 1.9 and 1.5 (casys-kaist/LLMServingSim 5daddb2, attention.csv).
    expect(ratio('rtx 4090')).toBeGreaterThan(1.7)
    expect(ratio('rtx 4090')).toBeLessThan(2.2)
    expect(ratio('h100')).toBe(1)
  })

  test('cached tokens are not computed, but attended to', () => {
    const latency = rooflineLatency(h100)
    const cold = latency.stepMs(stepOf(8192, 0, 0, 0))
    const warm = latency.stepMs(stepOf(1024, 7168, 0, 0))
    expect(warm).toBeLessThan(cold / 4)
    expect(warm).toBeGreaterThan(latency.stepMs(stepOf(1024, 0, 0, 0)))
  })

  test.each([
    [{ tp: 3 }, 'tp: expected a divisor of the 64 heads of Llama-3.1-70B, got 3'],
    [{ tp: 0 }, 'tp: expected an integer >= 1, got 0'],
    [{ pp: 81 }, 'pp: expected at most the 80 layers of Llama-3.1-70B, got 81'],
    [{ ep: 3 }, 'ep: expected a divisor of tp = 4, got 3'],
    [{ ep: 2 }, 'ep: expected 1 because Llama-3.1-70B is not a mixture of experts, got 2'],
  ])('refuses %j', (wrong, message) => {
    const parallelism = { ...h100.parallelism, ...wrong }
    const error = expect.objectContaining({ code: 'latency_invalid', message })
    expect(() => rooflineLatency({ ...h100, parallelism })).toThrow(error)
  })
})

describe('for any model, GPU, precision and parallelism', () => {
  test('no step is faster than the hardware allows', () => {
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        const ms = rooflineLatency(options).stepMs(step)
        expect(ms).toBeGreaterThan(flopsBoundMs(options, step))
        expect(ms).toBeGreaterThan(bandwidthBoundMs(options, step))
      }),
      { numRuns: 1000 },
    )
  })

  test('more work never takes less time', () => {
    const more = fc.constantFrom('decode', 'context', 'prompt', 'cached')
    fc.assert(
      fc.property(
        deployment,
        fc.tuple(fc.nat(8192), fc.nat(40_000), fc.nat(256), fc.nat(12_000)),
        more,
        fc.integer({ min: 1, max: 3000 }),
        (options, [prompt, cached, decodes, context], kind, n) => {
          fc.pre(prompt + decodes > 0)
          const latency = rooflineLatency(options)
          const before = stepOf(prompt, cached, decodes, decodes * (1 + context))
          const after = {
            decode: stepOf(prompt, cached, decodes + n, decodes * (1 + context) + n),
            context: stepOf(prompt, cached, decodes, decodes * (1 + context + n)),
            prompt: stepOf(prompt + n, cached, decodes, decodes * (1 + context)),
            cached: stepOf(prompt, cached + n, decodes, decodes * (1 + context)),
          }[kind]
          expect(latency.stepMs(after)).toBeGreaterThanOrEqual(latency.stepMs(before) * (1 - 1e-12))
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('half the GPUs never compute faster', () => {
    const computeMs = (latency: RooflineLatency, step: StepShape): number => {
      const { matmulMs, expertMs, attentionMs, elementwiseMs } = latency.breakdown(step)
      return matmulMs + expertMs + attentionMs + elementwiseMs
    }
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        const { tp, pp } = options.parallelism
        fc.pre(tp > 1)
        const spread = (ranks: number): RooflineLatency =>
          rooflineLatency({ ...options, parallelism: { tp: ranks, pp, ep: 1 } })
        const [all, half] = [spread(tp), spread(tp / 2)]
        expect(computeMs(half, step)).toBeGreaterThanOrEqual(computeMs(all, step) * (1 - 1e-12))
      }),
      { numRuns: 500 },
    )
  })

  test('a segment is what its steps are one by one', () => {
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        expect(segmentError(rooflineLatency(options), step)).toBeLessThan(1e-9)
      }),
      { numRuns: 1000 },
    )
  })

  test('a segment ends where a window fills, and not before', () => {
    const latency = rooflineLatency({ ...h100, model: findModel('mistral-7b') })
    const out = { baseMs: 0, slopeMs: 0, steps: 0 }
    latency.segment(stepOf(0, 0, 4, 4 * 4000), out)
    expect(out.steps).toBe(97)
    expect(out.slopeMs).toBeGreaterThan(0)
    latency.segment(afterSteps(stepOf(0, 0, 4, 4 * 4000), 97), out)
    expect(out).toEqual({ baseMs: out.baseMs, slopeMs: 0, steps: Number.POSITIVE_INFINITY })
  })

  test('chunks of several prompts are taken step by step', () => {
    const out = { baseMs: 0, slopeMs: 0, steps: 0 }
    rooflineLatency(h100).segment({ ...stepOf(512, 0, 4, 400), prefillRequests: 2 }, out)
    expect(out.steps).toBe(1)
  })
})

test('experts: a batch touches few at first and all in the end, ranks share them unevenly', () => {
  expect(expectedDistinct(128, 4 / 128, 1)).toBeCloseTo(4, 12)
  expect(expectedDistinct(128, 4 / 128, 2)).toBeCloseTo(8 - 16 / 128, 12)
  expect(expectedDistinct(128, 4 / 128, 10_000)).toBeCloseTo(128, 9)
  expect(expectedLargest(1000, 1)).toBe(1000)
  expect(expectedLargest(1000, 4)).toBeCloseTo(250 + Math.sqrt(2 * 250 * Math.log(4)), 9)
  expect(expectedLargest(4, 8)).toBeLessThanOrEqual(4)
})

/** Operations of a step over the peak of all GPUs in the fastest precision they could use. */
function flopsBoundMs(
  { model, gpu, parallelism, precision }: RooflineOptions,
  step: StepShape,
): number {
  const { fp16, fp8 = fp16, int8 = fp16, fp4 = fp16 } = gpu.denseFlops
  const peak = { bf16: fp16, fp8, int8, fp4, int4: fp16, mxfp4: fp16 }[precision]
  const tokens = step.prefillTokens + step.decodeRequests
  // The output projection is computed for sequences only.
  const perToken = flopsPerToken(model) - 2 * modelParameters(model).head
  const gpus = parallelism.tp * parallelism.pp
  const unlimited = 1 - windowOf(model).layers / model.layers
  const attention =
    unlimited *
    (attentionFlopsPerPair(model, 'prefill') * step.prefillAttentionPairs +
      attentionFlopsPerPair(model, 'decode') * step.decodeContextTokens)
  return 1000 * ((tokens * perToken) / (peak * gpus) + attention / (fp16 * gpus))
}

/** Bytes a step cannot do without over the bandwidth of all GPUs. */
function bandwidthBoundMs(
  { model, gpu, parallelism, precision, kvPrecision }: RooflineOptions,
  step: StepShape,
): number {
  const narrowest = { bf16: 2, fp8: 1, int8: 1, fp4: 0.5, int4: 0.5, mxfp4: 0.5 }[precision]
  const { attention, dense, experts } = modelParameters(model)
  const tokens = step.prefillTokens + step.decodeRequests
  const { count = 1, active = 0 } = model.experts ?? {}
  // Micro-batches of a pipeline, taken one by one, touch no fewer experts than one batch.
  const touched = 1 - (1 - active / count) ** (tokens / parallelism.pp)
  const weights = (attention + dense + experts * touched) * narrowest
  const { layers } = windowOf(model)
  const kv =
    step.decodeContextTokens * (model.layers - layers) * kvBytesPerTokenLayer(model, kvPrecision)
  const gpus = parallelism.tp * parallelism.pp
  return (1000 * (weights + kv)) / (gpu.memoryBandwidthBytesPerSec * gpus)
}

test('factors scale their parts, along a stretch of steps too', () => {
  const plain = rooflineLatency(h100).breakdown(stepOf(512, 100, 8, 1000))
  const timeScales = { matmul: 2, attention: 3, communication: 5, overhead: 7 }
  const scaled = rooflineLatency({ ...h100, timeScales })
  const parts = scaled.breakdown(stepOf(512, 100, 8, 1000))
  expect(parts.matmulMs).toBeCloseTo(2 * plain.matmulMs, 9)
  expect(parts.attentionMs).toBeCloseTo(3 * plain.attentionMs, 9)
  expect(parts.communicationMs).toBeCloseTo(5 * plain.communicationMs, 9)
  expect(parts.floorMs).toBeCloseTo(7 * plain.floorMs, 9)
  const sum = Object.values(parts).reduce((total: number, ms: number) => total + ms, 0)
  expect(scaled.stepMs(stepOf(512, 100, 8, 1000))).toBeCloseTo(sum, 9)
  expect(segmentError(scaled, stepOf(0, 0, 8, 1000))).toBeLessThan(1e-9)
  expect(() => rooflineLatency({ ...h100, timeScales: { ...timeScales, matmul: -1 } })).toThrow(
    /matmul: expected a finite number >= 0, got -1/,
  )
})
