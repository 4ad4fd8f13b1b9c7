import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { rooflineLatency } from '../latency/roofline-latency.js'
import { findModel } from '../models/find-model.js'
import { stepOf } from '../testing/segments.js'
import { ENGINES, findEngine } from './engine-catalogue.js'

describe('the engines', () => {
  test('vLLM takes larger defaults from 70 GiB on, but not on an A100', () => {
    const vllm = findEngine('vllm')
    const limits = ['h100', 'a100', 'l4'].map((name) => [
      vllm.maxBatchTokens(findGpu(name)),
      vllm.maxNumSeqs(findGpu(name)),
    ])
    expect(limits).toEqual([
      [8192, 1024],
      [2048, 256],
      [2048, 256],
    ])
  })

  test.each([
    ['t4', 1, 2048, 0.75],
    ['rtx 4090', 1, 2048, 0.846],
    ['l40s', 1, 4096, 0.852],
    ['a100', 1, 8192, 0.835],
    ['h100', 1, 8192, 0.834],
    ['h100', 8, 8192, 0.817],
    ['h200', 8, 8192, 0.896],
    ['b200', 8, 16_384, 0.851],
  ])('SGLang goes by the memory of %s, tp %d', (name, tp, chunkTokens, fraction) => {
    const sglang = findEngine('sglang')
    const gpu = findGpu(name)
    const maxBatchTokens = sglang.maxBatchTokens(gpu)
    expect(maxBatchTokens).toBe(chunkTokens)
    expect(sglang.gpuMemoryUtilization({ gpu, tp, pp: 1, maxBatchTokens })).toBeCloseTo(fraction, 2)
  })

  test('by hand: SGLang rounds the share of memory to thousandths', () => {
    const gpu = findGpu('h100')
    const place = { gpu, tp: 8, pp: 1, maxBatchTokens: 8192 }
    const reservedMib = 512 + 1.5 * 8192 + 2 * 512 + 128 * 8
    expect(1 - reservedMib / (79.18 * 1024)).toBeCloseTo(0.81687, 5)
    expect(findEngine('sglang').gpuMemoryUtilization(place)).toBe(0.817)
    // 10 GiB of 79.18 stay free however little there is to reserve.
    const small = { ...place, tp: 1, maxBatchTokens: 2048 }
    expect(findEngine('sglang').gpuMemoryUtilization(small)).toBe(0.874)
  })

  test('by hand: SGLang leaves more to ranks with DP attention, who divide a chunk', () => {
    const sglang = findEngine('sglang')
    const gpu = findGpu('h200')
    const maxBatchTokens = sglang.maxBatchTokens(gpu, 8)
    expect(maxBatchTokens).toBe(8192 / 8)
    const reservedMib = 512 + 1.5 * 8192 + 2 * 512 + 128 * 8 + 512 * 8 * (3 + 1.5)
    const fraction = 1 - reservedMib / (gpu.driverMemoryBytes / 2 ** 20)
    const place = { gpu, tp: 1, pp: 1, ranks: 8, maxBatchTokens }
    expect(sglang.gpuMemoryUtilization(place)).toBeCloseTo(fraction, 3)
    // Two GPUs have graphs for 256 requests, which take no more than 3 MB each.
    const two = 512 + 1.5 * 8192 + 2 * 256 + 128 * 2 + 256 * 2 * 3
    const ofTwo = 1 - two / (gpu.driverMemoryBytes / 2 ** 20)
    const pair = { ...place, ranks: 2, maxBatchTokens: 4096 }
    expect(sglang.gpuMemoryUtilization(pair)).toBeCloseTo(ofTwo, 3)
  })

  test('only TensorRT-LLM quantises the KV cache with the weights, and reserves whole outputs', () => {
    const model = findModel('llama-3.1-70b')
    const quantising = ENGINES.filter((engine) => engine.kvPrecision(model, 'fp8') === 'fp8')
    expect(quantising.map(({ name }) => name)).toEqual(['trtllm'])
    expect(findEngine('TensorRT-LLM')).toMatchObject({
      preemption: 'reserve_all',
      reservedOutputShare: 1,
      kvBlockTokens: 32,
    })
    expect(findEngine('trtllm').kvPrecision(model, 'bf16')).toBe('bf16')
  })

  test('a checkpoint with an 8-bit KV cache gets one, but not in another precision', () => {
    const model = {
      ...findModel('llama-3.1-70b'),
      checkpoints: { fp8: { kvCache: 'fp8' } },
    } as const
    for (const { kvPrecision } of ENGINES) {
      expect(kvPrecision(model, 'fp8')).toBe('fp8')
      expect(kvPrecision(model, 'int8')).toBe('bf16')
    }
  })

  test('what grows with the batch is counted once: 34.8 µs with norms and products', () => {
    const deployments = [
      ...[2, 4, 8].map((tp) => ['H100 SXM', tp] as const),
      ...[1, 2, 4, 8].map((tp) => ['H200', tp] as const),
    ]
    const growths = deployments.flatMap(([gpu, tp]) => {
      const latency = rooflineLatency({
        model: findModel('llama-3.1-70b'),
        gpu: findGpu(gpu),
        parallelism: { tp, pp: 1, ep: 1 },
        precision: 'fp8',
        kvPrecision: 'bf16',
        hostMsPerRequest: findEngine('vllm').hostMsPerRequest,
        granularity: 'step',
      })
      const grownMs = (decodes: number): number => {
        const { matmulMs, elementwiseMs, hostMs } = latency.breakdown(stepOf(0, 0, decodes, 0))
        return matmulMs + elementwiseMs + hostMs
      }
      return [16, 32, 64].map((decodes) => (grownMs(decodes) - grownMs(4)) / (decodes - 4))
    })
    const mean = growths.reduce((sum, each) => sum + each, 0) / growths.length
    expect(mean).toBeCloseTo(0.0348, 4)
  })

  test('an unknown engine gets the nearest one', () => {
    expect(() => findEngine('sglagn')).toThrow(
      'unknown engine "sglagn": did you mean "sglang"? Known: vllm, sglang, trtllm',
    )
  })
})
