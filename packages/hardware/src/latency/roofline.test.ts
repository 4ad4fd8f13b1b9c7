import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { findModel } from '../models/find-model.js'
import type { Model } from '../models/model.js'
import { modelParameters } from '../models/model-size.js'
import { h100 } from '../testing/h100.js'
import { segmentError, stepOf } from '../testing/segments.js'
import { expectedDistinct, expectedLargest } from './expert-coverage.js'
import { KERNEL_EFFICIENCIES } from './kernel-efficiency.js'
import { rooflineLatency } from './roofline-latency.js'
import type { RooflineOptions } from './roofline-options.js'

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

  test('by hand: context that decodes share is read once, at the pace of the second-level cache', () => {
    const latency = rooflineLatency(h100)
    const attentionMs = (context: number, shared: number): number =>
      latency.breakdown(stepOf(0, 0, 8, context, shared)).attentionMs
    const perTokenMs = (327_680 * 1000) / (4 * 3.35e12 * 0.89)
    expect(attentionMs(8000, 2000)).toBeCloseTo(6000 * perTokenMs, 9)
    // 1000 tokens are distinct, but all 8000 are read: at 60 % of the bandwidth of the cache.
    const all = (8000 * 327_680 * 1000) / (4 * 9.75e12 * (3.235 / 5.4))
    expect(attentionMs(8000, 7000) / all).toBeCloseTo(1, 3)
    const fp8 = rooflineLatency({ ...h100, kvPrecision: 'fp8' })
    const [apart, together] = [0, 7000].map((shared) =>
      fp8.breakdown(stepOf(0, 0, 8, 8000, shared)),
    )
    expect(together).toEqual(apart)
  })

  test.each([
    // What was measured, and no more where memory is slower still.
    ['A100 80GB', 663.84 / 1399.51],
    ['L40S', 663.84 / 1399.51],
    // The cache of an H200 is that of an H100, its memory is not.
    ['H100 SXM', 0.51],
    ['H200', 0.73],
    // Caches of which nothing is published.
    ['B200', 1],
    ['T4', 1],
    ['MI300X', 1],
  ])('%s reads what decodes share in %d of the time', (name, part) => {
    const latency = rooflineLatency({ ...h100, gpu: findGpu(name) })
    const attentionMs = (shared: number): number =>
      latency.breakdown(stepOf(0, 0, 100, 100_000, shared)).attentionMs
    expect(attentionMs(99_000) / attentionMs(0)).toBeCloseTo(part, 2)
  })

  describe('stages of a pipeline', () => {
    const stages = (pp: number, name = 'llama-3.1-70b') =>
      rooflineLatency({ ...h100, model: findModel(name), parallelism: { tp: 1, pp, ep: 1 } })

    test('do nothing for a lone request, which passes one after another', () => {
      for (const step of [stepOf(0, 0, 1, 100_000), stepOf(8192, 4096, 0, 0)]) {
        const [one, four] = [stages(1).breakdown(step), stages(4).breakdown(step)]
        expect(four.communicationMs).toBeGreaterThan(one.communicationMs)
        expect({ ...four, communicationMs: 0 }).toEqual(one)
      }
      const mixture = { ...h100, model: findModel('deepseek-v3') }
      const expertMs = [1, 4].map(
        (pp) =>
          rooflineLatency({ ...mixture, parallelism: { tp: 8, pp, ep: 1 } }).breakdown(
            stepOf(0, 0, 1, 1000),
          ).expertMs,
      )
      expect(expertMs[1]).toBeGreaterThanOrEqual(expertMs[0]!)
    })

    test('share what many requests compute, and read all weights for each micro-batch', () => {
      const [one, four] = [1, 4].map((pp) => stages(pp).breakdown(stepOf(0, 0, 256, 256 * 4000)))
      expect(four!.attentionMs).toBeCloseTo(one!.attentionMs / 4, 9)
      expect(four!.elementwiseMs).toBeCloseTo(one!.elementwiseMs / 4, 9)
      expect(four!.matmulMs).toBe(stages(1).breakdown(stepOf(0, 0, 64, 64 * 4000)).matmulMs)
    })

    test('wait for the one with the most layers: 28 layers over 8 are no faster than over 7', () => {
      const ms = (pp: number, decodes: number) =>
        stages(pp, 'llama-3.2-3b').breakdown(stepOf(0, 0, decodes, decodes * 2000)).attentionMs
      expect(ms(8, 56) / ms(7, 56)).toBeCloseTo(1, 9)
      expect(ms(8, 1)).toBe(ms(1, 1))
    })
  })

  test('host work of a step is paid once per step', () => {
    const [without, with3] = [0, 3].map((hostMsPerStep) =>
      rooflineLatency({ ...h100, hostMsPerStep }).stepMs(stepOf(100, 0, 8, 8000)),
    )
    expect(with3! - without!).toBeCloseTo(3, 12)
    // Factors are on the GPU's work only.
    const timeScales = { matmul: 1, attention: 1, communication: 1, overhead: 2 }
    const scaled = rooflineLatency({ ...h100, hostMsPerStep: 3, timeScales })
    expect(scaled.breakdown(stepOf(100, 0, 8, 8000)).hostMs).toBeCloseTo(3 + 9 * 0.035, 12)
    const refused = expect.objectContaining({ code: 'latency_invalid', path: 'hostMsPerStep' })
    expect(() => rooflineLatency({ ...h100, hostMsPerStep: -1 })).toThrow(refused)
  })

  test('steps with prompts take at least the launches of all layers; decodes are replayed', () => {
    const eager = rooflineLatency({ ...h100, launchMsPerLayer: 2 })
    const graphs = rooflineLatency(h100)
    // 80 layers, and the host work of one sequence, of nine.
    expect(eager.stepMs(stepOf(1, 0, 0, 0))).toBeCloseTo(80 * 2 + 0.035, 9)
    expect(eager.stepMs(stepOf(100, 0, 8, 8000))).toBeCloseTo(80 * 2 + 9 * 0.035, 9)
    for (const step of [stepOf(16_384, 0, 0, 0), stepOf(0, 0, 8, 8000)]) {
      expect(eager.stepMs(step)).toBe(graphs.stepMs(step))
    }
    const refused = expect.objectContaining({ code: 'latency_invalid', path: 'launchMsPerLayer' })
    expect(() => rooflineLatency({ ...h100, launchMsPerLayer: -1 })).toThrow(refused)
  })

  test('steps of few enough tokens, decodes among them, are replayed from graphs, prompts or not', () => {
    const partly = rooflineLatency({ ...h100, launchMsPerLayer: 2, promptGraphTokens: 108 })
    const graphs = rooflineLatency(h100)
    expect(partly.stepMs(stepOf(100, 0, 8, 8000))).toBe(graphs.stepMs(stepOf(100, 0, 8, 8000)))
    expect(partly.stepMs(stepOf(101, 0, 8, 8000))).toBeCloseTo(80 * 2 + 9 * 0.035, 9)
    const refused = expect.objectContaining({ code: 'latency_invalid', path: 'promptGraphTokens' })
    expect(() => rooflineLatency({ ...h100, promptGraphTokens: -1 })).toThrow(refused)
  })

  test('by hand: graphs in pieces end at each of the 80 layers', () => {
    const [whole, pieces] = (['full', 'piecewise'] as const).map((cudaGraphs) =>
      rooflineLatency({ ...h100, cudaGraphs }).breakdown(stepOf(0, 0, 8, 8000)),
    )
    expect(pieces!.floorMs - whole!.floorMs).toBeCloseTo((80 * 0.07 * 7.63) / 32, 12)
    expect({ ...pieces, floorMs: 0 }).toEqual({ ...whole, floorMs: 0 })
    expect(whole).toEqual(rooflineLatency(h100).breakdown(stepOf(0, 0, 8, 8000)))
  })

  test('Llama 8B in pieces on one H100 takes what was measured, a step at a time', () => {
    const latency = rooflineLatency({
      ...h100,
      model: findModel('llama-3.1-8b'),
      parallelism: { tp: 1, pp: 1, ep: 1 },
      cudaGraphs: 'piecewise',
    })
    // 512 tokens in, 256 out, mean 7.63 ms (vllm-project/vllm, pull request 16072); it did not schedule ahead.
    const ms = latency.stepMs(stepOf(0, 0, 1, 640))
    expect(ms / 7.63).toBeGreaterThan(0.9)
    expect(ms / 7.63).toBeLessThan(1)
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

  test('a prompt beyond the window costs the same pairs in one chunk as in many', () => {
    const latency = rooflineLatency({ ...h100, model: findModel('mistral-7b') })
    const windowed = (chunk: number, before: number): number =>
      latency.breakdown(stepOf(chunk, before, 0, 0)).attentionMs
    // All 32 layers of it see 4096 tokens. Chunks that begin beyond have a whole window for each token.
    expect(windowed(8192, 0)).toBeCloseTo(windowed(4096, 0) + windowed(4096, 4096), 1)
    expect(windowed(8192, 0) / windowed(8192, 4096)).toBeCloseTo(0.75, 2)
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

  test('by hand: grouped products fill tiles, 16 rows for few tokens and 64 for many', () => {
    const latency = rooflineLatency({ ...h100, model: findModel('Qwen3-30B-A3B') })
    const perRow = (48 * 2 * 3 * 2048 * 768 * 1000) / (4 * 989.5e12 * 0.42)
    const readMs = (touched: number): number =>
      (48 * touched * 3 * 2048 * 768 * 2 * 1000) / (4 * 3.35e12 * 0.7)
    const both = (read: number, rows: number): number =>
      (read ** 2.8 + (rows * perRow) ** 2.8) ** (1 / 2.8)
    const expertMs = (tokens: number): number => latency.breakdown(stepOf(tokens, 0, 0, 0)).expertMs
    expect(expertMs(1)).toBeCloseTo(both(readMs(8), 8 * 16), 9)
    const touched = (tokens: number): number => 128 * (1 - (1 - 8 / 128) ** tokens)
    const [some, all] = [touched(128), touched(8192)]
    // Few are as many tokens as experts, at most.
    expect(expertMs(128)).toBeCloseTo(both(readMs(some), Math.max(some * 16, 1024 + some * 8)), 9)
    expect(expertMs(8192)).toBeCloseTo(both(readMs(all), 8192 * 8 + all * 32), 9)
  })

  test('by hand: what finds scales of activations, and what they save', () => {
    const kernels = (
      name: string,
      precision: RooflineOptions['precision'],
      gpu = findGpu('b200'),
    ): number => {
      const options = { ...h100, gpu, model: findModel(name) }
      const [narrow, wide] = [precision, 'bf16' as const].map(
        (each) =>
          rooflineLatency({ ...options, precision: each }).breakdown(stepOf(0, 0, 1, 1)).floorMs,
      )
      return (narrow! - wide!) / KERNEL_EFFICIENCIES[gpu.architecture].floorMs.elementwise
    }
    expect(kernels('llama-3.1-70b', 'fp8')).toBe(0)
    expect(kernels('llama-3.1-70b', 'fp4')).toBeCloseTo(4 * 80, 6)
    expect(kernels('Qwen3-30B-A3B', 'fp8')).toBeCloseTo(4 * 48, 6)
    expect(kernels('Qwen3-30B-A3B', 'fp4')).toBeCloseTo(2 * 48, 6)
    expect(kernels('DeepSeek-V3', 'fp8')).toBeCloseTo(5 * 61, 6)
    // Without such products weights are widened, and activations stay as they are.
    expect(kernels('llama-3.1-70b', 'fp4', findGpu('h100'))).toBe(0)
    expect(kernels('Qwen3-30B-A3B', 'fp8', findGpu('h100'))).toBeCloseTo(4 * 48, 6)
    expect(kernels('Qwen3-30B-A3B', 'fp8', findGpu('a100 80gb'))).toBe(0)
  })

  test('a cache of 8 bits halves the bytes, but the time on Blackwell only', () => {
    const attentionMs = (gpu: string, kvPrecision: RooflineOptions['kvPrecision']): number =>
      rooflineLatency({ ...h100, gpu: findGpu(gpu), kvPrecision }).breakdown(
        stepOf(0, 0, 8, 80_000),
      ).attentionMs
    expect(attentionMs('b200', 'fp8') / attentionMs('b200', 'bf16')).toBeCloseTo(0.5, 9)
    expect(attentionMs('h100', 'fp8') / attentionMs('h100', 'bf16')).toBeCloseTo(0.89 / 0.86, 9)
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

  test('KV heads are dealt out evenly, or copied', () => {
    const phi4 = findModel('phi-4')
    const spread = (model: Model, tp: number) => () =>
      rooflineLatency({ ...h100, model, parallelism: { tp, pp: 1, ep: 1 } })
    expect(spread(phi4, 4)).toThrow(
      'tp: expected a divisor or a multiple of the 10 KV heads of Phi-4, got 4',
    )
    expect(spread(phi4, 2)).not.toThrow()
    expect(spread(findModel('qwen3-30b-a3b'), 8)).not.toThrow()
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

test('a mixture without a layer of experts takes no time for them', () => {
  const model = findModel('DeepSeek-V2-Lite')
  const dense = { ...model, denseLayers: model.layers }
  const { expertMs, matmulMs } = rooflineLatency({
    ...h100,
    parallelism: { tp: 1, pp: 1, ep: 1 },
    model: dense,
  }).breakdown(stepOf(10, 0, 0, 0))
  expect(expertMs).toBe(0)
  expect(matmulMs).toBeGreaterThan(0)
})

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

describe('layers that are no plain attention', () => {
  const qwen = findModel('qwen3.5-397b-a17b')
  const bytesPerMs = 3.35e9 * 0.89
  const flopsPerMs = 989.5e9 * 0.67

  test('by hand: decodes of Qwen3.5 read their context in 15 layers and stream states in 45', () => {
    const latency = rooflineLatency({ ...h100, model: qwen })
    // Two KV heads are on four GPUs: each has one.
    const contextMs = (15 * 3000 * 2 * 256 * 2) / bytesPerMs
    const stateMs = (3 * 2 * 192_061_440) / (4 * bytesPerMs)
    expect(latency.breakdown(stepOf(0, 0, 3, 3000)).attentionMs).toBeCloseTo(contextMs + stateMs, 9)
  })

  test('by hand: linear layers of a prompt meet chunk and state', () => {
    const { linear: _, ...attending } = { ...qwen, layers: 15 }
    const attentionMs = (model: typeof attending): number =>
      rooflineLatency({ ...h100, model }).breakdown(stepOf(1000, 0, 0, 0)).attentionMs
    // Per token and head: 64 others in five products, and three with a matrix of 128 x 128.
    const flops = 45 * 64 * (2 * 64 * 5 * 128 + 3 * 2 * 128 * 128)
    const promptMs = (1000 * flops) / (4 * flopsPerMs)
    const stateMs = (2 * 192_061_440) / (4 * bytesPerMs)
    expect(attentionMs(qwen) - attentionMs(attending)).toBeCloseTo(promptMs + stateMs, 9)
  })

  test('by hand: an indexer goes over the context, attention over the best 2048 tokens', () => {
    const latency = rooflineLatency({ ...h100, model: findModel('deepseek-v3.2') })
    const attentionMs = (context: number): number =>
      latency.breakdown(stepOf(0, 0, 2, 2 * context)).attentionMs
    expect(attentionMs(1000)).toBeCloseTo((61 * 2000 * (1152 + 132)) / bytesPerMs, 9)
    const best = 2 * 2048 * 1152
    expect(attentionMs(10_000)).toBeCloseTo((61 * (best + 20_000 * 132)) / bytesPerMs, 9)
    // A chunk after 9000 tokens: 2048 pairs a token in compressed form, and all pairs of the indexer in 8 bits.
    const chunkMs = (cached: number, attended: number): number => {
      const pairs = 1000 * cached + (1000 * 1001) / 2
      const indexed = (pairs * 2 * 64 * 128) / (1979e9 * 0.67)
      const readMs = ((cached + 1000) * 132) / bytesPerMs
      return 61 * (attended / flopsPerMs + indexed + readMs)
    }
    const promptMs = (cached: number): number =>
      latency.breakdown(stepOf(1000, cached, 0, 0)).attentionMs
    expect(promptMs(9000)).toBeCloseTo(chunkMs(9000, 1000 * 2048 * 2 * 32 * 1088), 6)
    // After 1000 tokens all pairs take less: 320 elements of each instead of 1088.
    const few = 1000 * 1000 + (1000 * 1001) / 2
    expect(promptMs(1000)).toBeCloseTo(chunkMs(1000, few * 2 * 32 * 320), 6)
  })

  test.each(['qwen3.5-397b-a17b', 'glm-5', 'deepseek-v3.2', 'llama-3.1-70b'])(
    'one GPU multiplies with all that tokens visit of %s',
    (name) => {
      const model = findModel(name)
      const one = { ...h100, model, parallelism: { tp: 1, pp: 1, ep: 1 } }
      const { attention, dense, head } = modelParameters(model)
      const readMs = (2 * (attention + dense + head)) / (3.35e9 * 0.92)
      const computeMs = (2 * (attention + dense + head)) / (989.5e9 * 0.69)
      const { matmulMs } = rooflineLatency(one).breakdown(stepOf(0, 0, 1, 1))
      expect(matmulMs / (readMs ** 2.8 + computeMs ** 2.8) ** (1 / 2.8)).toBeCloseTo(1, 9)
    },
  )

  test('their kernels cost what the others do, and an indexer one attention more', () => {
    const floorOf = (name: string): number =>
      rooflineLatency({ ...h100, model: findModel(name) }).breakdown(stepOf(0, 0, 1, 1)).floorMs
    const [matmul, elementwise, attention] = [0.0048, 0.0037, 0.0124]
    const mixture = 5 * matmul + 8 * elementwise + attention
    expect(floorOf('qwen3.5-397b-a17b')).toBeCloseTo(
      60 * mixture + 45 * (matmul + 2 * elementwise),
      9,
    )
    const indexer = 2 * matmul + 2 * elementwise + attention
    expect(floorOf('deepseek-v3.2') - floorOf('deepseek-v3')).toBeCloseTo(61 * indexer, 9)
  })

  test('linear heads go to whole GPUs', () => {
    const options = { ...h100, model: qwen, parallelism: { tp: 32, pp: 1, ep: 1 } }
    expect(() => rooflineLatency(options)).toThrow(/tp: expected a divisor of the 16 linear key/)
  })
})
