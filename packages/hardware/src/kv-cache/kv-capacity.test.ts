import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { findModel } from '../models/find-model.js'
import { modelParameters } from '../models/model-size.js'
import { type KvBudget, type KvCapacityOptions, kvCapacity } from './kv-capacity.js'

const common = {
  pp: 1,
  precision: 'bf16',
  kvPrecision: 'bf16',
  gpuMemoryUtilization: 0.9,
  maxBatchTokens: 8192,
  maxNumSeqs: 1024,
  blockTokens: 16,
} as const

function capacity(
  model: string,
  gpu: string,
  tp: number,
  more: Partial<KvCapacityOptions> = {},
): ReturnType<typeof kvCapacity> {
  return kvCapacity({ ...common, model: findModel(model), gpu: findGpu(gpu), tp, ...more })
}

describe('kvCapacity', () => {
  test('by hand: 80 GB less weights, runtime and sampler', () => {
    const { blocks, kvBytes } = capacity('llama-3.1-8b', 'h100', 1)
    const taken = 0.9 * 79.18 * 2 ** 30
    const weights = 2 * 8_029_995_008
    expect(kvBytes).toBeCloseTo(taken - weights - 0.6e9 - 5 * 4 * 1024 * 128256, -3)
    expect(blocks).toBe(Math.floor(kvBytes / (131072 * 16)))
  })

  test('by hand: states of linear layers get what their requests need, and 0.9 / 1.9 at most', () => {
    const plain = capacity('llama-3.1-8b', 'h100', 1)
    expect(plain.sequences).toBe(1024)
    const stateBytes = 192_061_440 / 8
    const roomy = capacity('qwen3.5-397b-a17b', 'h200', 8, { precision: 'fp8', maxNumSeqs: 256 })
    expect(roomy.sequences).toBe(256)
    const memory = 0.9 * 79.18 * 2 ** 30
    for (const statesPerRequest of [1, 3]) {
      const tight = capacity('qwen3.5-397b-a17b', 'h100', 8, { precision: 'fp8', statesPerRequest })
      // Each sequence takes its states, and room to sample for it.
      const free = (count: number): number =>
        memory - tight.weightBytes - 0.6e9 - 5 * 4 * count * 248_320
      const fits = (count: number): boolean =>
        count * statesPerRequest * stateBytes <= (free(count) * 0.9) / 1.9
      expect([fits(tight.sequences), fits(tight.sequences + 1)]).toEqual([true, false])
      const states = tight.sequences * statesPerRequest * stateBytes
      expect(tight.kvBytes).toBeCloseTo(free(tight.sequences) - states, -3)
      // Each GPU has one of two KV heads, in 15 layers.
      expect(tight.blocks).toBe(Math.floor(tight.kvBytes / (15 * 2 * 256 * 2 * 16)))
    }
  })

  test('by hand: experts are spread over all GPUs whose ranks share them', () => {
    const model = findModel('deepseek-v3')
    const { weightBytes } = capacity('deepseek-v3', 'h200', 1, { precision: 'fp8', expertGpus: 16 })
    const { attention, dense, experts, embedding, head } = modelParameters(model)
    expect(weightBytes).toBe(attention + dense + 2 * (embedding + head) + experts / 16)
    const own = capacity('deepseek-v3', 'h200', 8, { precision: 'fp8' })
    const all = capacity('deepseek-v3', 'h200', 8, { precision: 'fp8', expertGpus: 8 })
    expect(all).toEqual(own)
  })

  test('by hand: what an engine counts into its share', () => {
    const share = (budget: KvBudget): number =>
      capacity('llama-3.1-8b', 'h100', 1, { budget }).kvBytes
    const memory = 79.18 * 2 ** 30
    const weights = 2 * 8_029_995_008
    const reserve = 0.6e9 + 5 * 4 * 1024 * 128256
    expect(share('after_peak')).toBeCloseTo(0.9 * memory - weights - reserve, -3)
    expect(share('after_weights')).toBeCloseTo(0.9 * memory - weights, -3)
    expect(share('share_of_free')).toBeCloseTo(0.9 * (memory - weights - reserve), -3)
  })

  // Token counts that the engines printed: llm-d/llm-d-kv-cache-manager a378f5b (37- and 73-capacity),
  // DO-Solutions/gtc-2026-doks c70feba (server.log), casys-kaist/LLMServingSim 5daddb2 (meta.json).
  const fp8 = { precision: 'fp8', kvPrecision: 'fp8' } as const
  test.each([
    ['Llama-3.1-70B', 'H100 SXM', 4, {}, 461_376, 1],
    ['Qwen3-32B', 'H100 SXM', 2, {}, 307_328, 1],
    ['Llama-3.1-8B', 'RTX 4090', 1, { maxBatchTokens: 2048, maxNumSeqs: 256 }, 2588 * 16, 1],
    ['Llama-3.1-70B', 'H200', 1, fp8, 348_304, 4],
    ['Llama-3.1-70B', 'H200', 1, { ...fp8, gpuMemoryUtilization: 0.95 }, 394_128, 4],
  ])('%s on %s x %d %j: what vLLM printed is %d', (model, gpu, tp, more, published, percent) => {
    const { tokens } = capacity(model, gpu, tp, more)
    expect(100 * Math.abs(tokens / published - 1)).toBeLessThan(percent)
  })

  test('longer requests need less per token where layers have windows', () => {
    const short = capacity('gpt-oss-120b', 'h200', 1, { precision: 'mxfp4' }).tokens
    const long = { precision: 'mxfp4', contextTokens: 131_072 } as const
    expect(capacity('gpt-oss-120b', 'h200', 1, long).tokens / short).toBeCloseTo(2, 1)
  })

  test('more GPUs never hold less', () => {
    let before = 0
    for (const tp of [4, 8]) {
      const { tokens } = capacity('llama-3.1-70b', 'h100', tp)
      expect(tokens).toBeGreaterThan(before)
      before = tokens
    }
    expect(capacity('llama-3.1-70b', 'h100', 2, { pp: 2 }).tokens).toBeGreaterThan(0)
  })

  test('the stage with the most layers has the least room', () => {
    const bytes = (pp: number) => {
      const { kvBytes, blocks } = capacity('llama-3.2-3b', 'h100', 1, { pp })
      return kvBytes / blocks
    }
    // 28 layers: 7 and 8 stages have one of 4 layers.
    expect(bytes(8) / bytes(7)).toBeCloseTo(1, 4)
    expect(bytes(1) / bytes(7)).toBeCloseTo(7, 3)
  })

  test('says when the weights leave no room', () => {
    expect(() => capacity('llama-3.1-70b', 'h100', 1)).toThrow(
      expect.objectContaining({
        code: 'kv_capacity_none',
        // 2 x 70 552 387 584 of weights, the runtime and 5 copies of logits; 0.9 x 79.18 GiB.
        message:
          'Llama-3.1-70B in bf16 on 1 x H100 SXM: expected room for KV blocks, got none: each GPU needs 144.3 GB for weights and activations and the engine takes 76.5 GB',
      }),
    )
  })
})

test.each(['mxfp4', 'int4_experts'] as const)('a dense model is not in %s', (precision) => {
  expect(() => capacity('llama-3.1-8b', 'h100', 1, { precision })).toThrow(
    `precision: expected one of bf16, fp8, int8, fp4, int4, as Llama-3.1-8B has no experts, got ${precision}`,
  )
})
