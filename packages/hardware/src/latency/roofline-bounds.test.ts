import type { StepShape } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GPUS } from '../gpus/gpu-catalogue.js'
import { findModel, MODELS } from '../models/find-model.js'
import type { Model } from '../models/model.js'
import {
  attentionFlopsPerPair,
  attentionLayers,
  flopsPerToken,
  indexBytesPerTokenLayer,
  indexerOf,
  kvBytesPerTokenLayer,
  modelParameters,
  stateBytesPerRequest,
  windowOf,
} from '../models/model-size.js'
import { expectedPrecision } from '../models/weight-formats.js'
import { WEIGHT_PRECISIONS } from '../precision/precision.js'
import { h100 } from '../testing/h100.js'
import { afterSteps, anyStep, segmentError, stepOf } from '../testing/segments.js'
import { type RooflineLatency, rooflineLatency } from './roofline-latency.js'
import { type RooflineOptions, ranksSharingExperts } from './roofline-options.js'

/** Whether each of `tp` GPUs gets as many heads as the others. */
function dealsOut({ attention }: Model, tp: number): boolean {
  if (attention.heads % tp !== 0) return false
  return attention.kind === 'mla' || attention.kvHeads % tp === 0 || tp % attention.kvHeads === 0
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
    hostMsPerStep: fc.constantFrom(0, 2.5),
    launchMsPerLayer: fc.constantFrom(0, 1.35),
    promptGraphTokens: fc.constantFrom(0, 512),
    cudaGraphs: fc.constantFrom('full' as const, 'piecewise' as const),
    tp: fc.constantFrom(1, 2, 4, 8),
    pp: fc.constantFrom(1, 2, 4),
    dp: fc.constantFrom(1, 2, 8),
    moeTp: fc.constantFrom(1, 2, 'all' as const),
    areShared: fc.boolean(),
  })
  .filter(
    ({ model, tp, precision }) =>
      dealsOut(model, tp) && expectedPrecision(model, precision) === undefined,
  )
  .map(({ tp, pp, dp, moeTp, areShared, ...rest }) => {
    if (rest.model.experts === undefined) return { ...rest, parallelism: { tp, pp, ep: 1, dp } }
    const gpus = areShared ? tp * dp : tp
    const sharded = moeTp === 'all' ? gpus : Math.min(moeTp, gpus)
    const stages = areShared && dp > 1 ? 1 : pp
    return { ...rest, parallelism: { tp, pp: stages, ep: gpus / sharded, moeTp: sharded, dp } }
  })
  .filter(({ model, parallelism }) => (model.experts?.count ?? 1) % parallelism.ep === 0)

describe('for any model, GPU, precision and parallelism', () => {
  test('no step is faster than the hardware allows', () => {
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        const ms = togetherMs(options, step)
        expect(ms).toBeGreaterThan(flopsBoundMs(options, step))
        expect(ms).toBeGreaterThan(bandwidthBoundMs(options, step))
      }),
      { numRuns: 1000 },
    )
  })

  test('context that decodes share never takes longer, nor less than distinct context alone', () => {
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        const latency = rooflineLatency(options)
        const shared = step.decodeSharedTokens!
        const ms = latency.stepMs(step)
        const apart = latency.stepMs({ ...step, decodeSharedTokens: 0 })
        const more = latency.stepMs({ ...step, decodeSharedTokens: shared / 2 })
        const distinct = { ...step, decodeContextTokens: step.decodeContextTokens - shared }
        expect(ms).toBeLessThanOrEqual(apart)
        expect(ms).toBeLessThanOrEqual(more)
        expect(ms).toBeGreaterThanOrEqual(
          latency.stepMs({ ...distinct, decodeSharedTokens: 0 }) * (1 - 1e-12),
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('context that decodes share is read no faster than the second-level cache can', () => {
    fc.assert(
      fc.property(deployment, anyStep, (options, step) => {
        const { model, gpu, parallelism, kvPrecision } = options
        const ofToken = indexerOf(model)
          ? indexBytesPerTokenLayer(model)
          : kvBytesPerTokenLayer(model, kvPrecision)
        const layers = attentionLayers(model) - windowOf(model).layers
        const bytes = step.decodeContextTokens * layers * ofToken
        const gpus = parallelism.tp * Math.min(parallelism.pp, Math.max(1, step.decodeRequests))
        const memory = gpu.memoryBandwidthBytesPerSec
        const fastest = gpu.cacheBandwidthBytesPerSec ?? memory
        expect(fastest).toBeGreaterThanOrEqual(memory)
        const all = { ...step, decodeSharedTokens: Math.max(0, step.decodeContextTokens - 1) }
        const { attentionMs } = rooflineLatency(options).breakdown(all)
        const least = (1000 * bytes) / (fastest * gpus)
        expect(attentionMs).toBeGreaterThanOrEqual(least * (1 - 1e-12))
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
        fc.double({ min: 0, max: 1, noNaN: true }),
        (options, [prompt, cached, decodes, context], kind, n, part) => {
          fc.pre(prompt + decodes > 0)
          const shared = Math.floor(part * context) * Math.max(0, decodes - 1)
          const before = stepOf(prompt, cached, decodes, decodes * (1 + context), shared)
          // Stages take requests to be alike: one with less context than the others makes all look shorter.
          const added = options.parallelism.pp === 1 ? 1 : 1 + context
          const after = {
            decode: stepOf(
              prompt,
              cached,
              decodes + n,
              decodes * (1 + context) + n * added,
              shared,
            ),
            context: stepOf(prompt, cached, decodes, decodes * (1 + context + n), shared),
            prompt: stepOf(prompt + n, cached, decodes, decodes * (1 + context), shared),
            cached: stepOf(prompt, cached + n, decodes, decodes * (1 + context), shared),
          }[kind]
          const leastMs = togetherMs(options, before) * (1 - 1e-12)
          expect(togetherMs(options, after)).toBeGreaterThanOrEqual(leastMs)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('more prompts in a step never take less time', () => {
    const prompts = fc.tuple(fc.integer({ min: 2, max: 4096 }), fc.integer({ min: 1, max: 16 }))
    fc.assert(
      fc.property(deployment, prompts, fc.nat(256), (options, [tokens, requests], decodes) => {
        const latency = rooflineLatency(options)
        const alike = (n: number): StepShape => ({
          ...stepOf(0, 0, decodes, decodes * 500),
          prefillTokens: n * tokens,
          prefillRequests: n,
          prefillAttentionPairs: (n * tokens * (tokens + 1)) / 2,
        })
        const [some, more] = [latency.stepMs(alike(requests)), latency.stepMs(alike(requests + 1))]
        expect(more).toBeGreaterThanOrEqual(some * (1 - 1e-12))
      }),
      { numRuns: 500 },
    )
  })

  test('half the GPUs never compute faster', () => {
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

describe('for every model, GPU and degree of the catalogues', () => {
  const steps = [
    stepOf(0, 0, 1, 1),
    stepOf(0, 0, 64, 64 * 100),
    stepOf(0, 0, 256, 256 * 8192),
    stepOf(1, 30_000, 0, 0),
    stepOf(2048, 0, 0, 0),
    stepOf(8192, 16_384, 128, 128 * 4096),
  ]
  const deployments = MODELS.flatMap((model) =>
    GPUS.flatMap((gpu) =>
      [1, 2, 4, 8]
        .filter((tp) => dealsOut(model, tp))
        .map((tp): RooflineOptions => ({ ...h100, model, gpu, parallelism: { tp, pp: 1, ep: 1 } })),
    ),
  )

  test.each(['step', 'operator'] as const)('no step by %s beats the data sheet', (granularity) => {
    expect(deployments.length).toBeGreaterThan(2000)
    for (const deployment of deployments) {
      const options = { ...deployment, granularity, precision: deployment.model.weights }
      const latency = rooflineLatency(options)
      for (const step of steps) {
        const least = Math.max(flopsBoundMs(options, step), bandwidthBoundMs(options, step))
        if (latency.stepMs(step) > least) continue
        expect.fail(`${options.model.name} on ${options.gpu.name}: ${JSON.stringify(step)}`)
      }
    }
  })

  test.each(['step', 'operator'] as const)(
    'half the GPUs compute no step by %s faster',
    (granularity) => {
      for (const options of deployments) {
        const { tp } = options.parallelism
        if (tp === 1) continue
        const [all, half] = [tp, tp / 2].map((ranks) =>
          rooflineLatency({ ...options, granularity, parallelism: { tp: ranks, pp: 1, ep: 1 } }),
        )
        for (const step of steps) {
          if (computeMs(half!, step) >= computeMs(all!, step) * (1 - 1e-12)) continue
          expect.fail(
            `${options.model.name} on ${options.gpu.name} tp${tp}: ${JSON.stringify(step)}`,
          )
        }
      }
    },
  )
})

/** A step that all data-parallel ranks take alike, with what the experts they share get from the others. */
function togetherMs(options: RooflineOptions, step: StepShape): number {
  const latency = rooflineLatency(options)
  const { dp = 1 } = options.parallelism
  const all: StepShape = {
    prefillTokens: dp * step.prefillTokens,
    prefillRequests: dp * step.prefillRequests,
    prefillAttentionPairs: dp * step.prefillAttentionPairs,
    decodeRequests: dp * step.decodeRequests,
    decodeContextTokens: dp * step.decodeContextTokens,
  }
  return latency.stepMs(step) + latency.sharedMs!(step, all)
}

/** The parts of a step that more GPUs share. */
function computeMs(latency: RooflineLatency, step: StepShape): number {
  const { matmulMs, expertMs, attentionMs, elementwiseMs } = latency.breakdown(step)
  return matmulMs + expertMs + attentionMs + elementwiseMs
}

/** GPUs of all stages that can work at the same time: each request is with one of them. */
function busyGpus({ parallelism }: RooflineOptions, step: StepShape): number {
  const requests = step.prefillRequests + step.decodeRequests
  return parallelism.tp * Math.min(parallelism.pp, requests)
}

/** Operations of a step over the peak of all GPUs in the fastest precision they could use. */
function flopsBoundMs(options: RooflineOptions, step: StepShape): number {
  const { model, gpu, precision } = options
  const { fp16, fp8 = fp16, int8 = fp16, fp4 = fp16 } = gpu.denseFlops
  const narrow: { readonly [precision: string]: number } = { fp8, int8, fp4 }
  const peak = narrow[precision] ?? fp16
  const tokens = step.prefillTokens + step.decodeRequests
  // The output projection is computed for sequences only.
  const perToken = flopsPerToken(model) - 2 * modelParameters(model).head
  const gpus = busyGpus(options, step)
  const limited = windowOf(model).layers / attentionLayers(model)
  const indexer = indexerOf(model)
  const attention =
    indexer === undefined
      ? (1 - limited) *
        (attentionFlopsPerPair(model, 'prefill') * step.prefillAttentionPairs +
          attentionFlopsPerPair(model, 'decode') * step.decodeContextTokens)
      : 2 *
        indexer.heads *
        indexer.headDim *
        model.layers *
        (step.prefillAttentionPairs + step.decodeContextTokens)
  return 1000 * ((tokens * perToken) / (peak * gpus) + attention / (fp16 * gpus))
}

/** Bytes a step cannot do without over the bandwidth of all GPUs; one stage after another reads its weights. */
function bandwidthBoundMs(options: RooflineOptions, step: StepShape): number {
  const { model, gpu, parallelism, precision, kvPrecision } = options
  const widths: { readonly [precision: string]: number } = { bf16: 2, fp8: 1, int8: 1 }
  const narrowest = widths[precision] ?? 0.5
  const { attention, dense, experts } = modelParameters(model)
  const tokens = step.prefillTokens + step.decodeRequests
  const { count = 1, active = 0 } = model.experts ?? {}
  // Micro-batches of a pipeline, taken one by one, touch no fewer experts than one batch.
  const stages = busyGpus(options, step) / parallelism.tp
  const sharing = ranksSharingExperts(parallelism)
  const touched = 1 - (1 - active / count) ** ((sharing * tokens) / stages)
  const weights = (attention + dense + (experts * touched) / sharing) * narrowest
  const indexer = indexerOf(model)
  const layers = attentionLayers(model)
  const window = indexer === undefined ? windowOf(model) : { tokens: indexer.tokens, layers }
  const indexBytes = indexBytesPerTokenLayer(model)
  // Decodes of equal context read no more than the window in its layers.
  const inWindow = Math.min(step.decodeContextTokens, window.tokens * step.decodeRequests)
  const distinct = step.decodeContextTokens - (step.decodeSharedTokens ?? 0)
  const tokenLayers = distinct * (layers - window.layers) + inWindow * window.layers
  const kv =
    tokenLayers * (kvBytesPerTokenLayer(model, kvPrecision) - indexBytes) +
    step.decodeContextTokens * layers * indexBytes
  const requests = step.prefillRequests + step.decodeRequests
  const states = 2 * stateBytesPerRequest(model) * requests
  const perStage = weights + (kv + states) / stages
  return (1000 * perStage) / (gpu.memoryBandwidthBytesPerSec * parallelism.tp)
}
