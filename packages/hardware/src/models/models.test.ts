import { describe, expect, test } from 'vitest'
import { findModel, MODELS } from './find-model.js'
import {
  activeParameterCount,
  attentionFlopsPerPair,
  flopsPerToken,
  kvBytesOfContext,
  parameterCount,
  stateBytesPerRequest,
  weightBytes,
} from './model-size.js'

/** Parameters in 1e9 as the model cards or papers print them. */
const PUBLISHED: Readonly<Record<string, number>> = {
  'Llama-2-7B': 6.74,
  'Llama-2-13B': 13.02,
  'Llama-2-70B': 68.98,
  'CodeLlama-34B': 33.74,
  'Llama-3.2-1B': 1.236,
  'Llama-3.2-3B': 3.21,
  'Llama-3.1-8B': 8.03,
  'Llama-3.1-70B': 70.55,
  'Llama-3.1-405B': 405.85,
  'Mistral-7B': 7.24,
  'Mistral-7B-v0.3': 7.25,
  'Mistral-Nemo-12B': 12.2,
  'Mistral-Small-24B': 23.6,
  'Mistral-Large-2': 123,
  'Qwen2.5-0.5B': 0.49,
  'Qwen2.5-1.5B': 1.54,
  'Qwen2.5-3B': 3.09,
  'Qwen2.5-7B': 7.62,
  'Qwen2.5-14B': 14.77,
  'Qwen2.5-32B': 32.76,
  'Qwen2.5-72B': 72.71,
  'Qwen3-0.6B': 0.596,
  'Qwen3-1.7B': 1.72,
  'Qwen3-4B': 4.02,
  'Qwen3-8B': 8.19,
  'Qwen3-14B': 14.77,
  'Qwen3-32B': 32.76,
  'Qwen3.6-27B': 27,
  'Seed-OSS-36B': 36,
  'Phi-3-mini': 3.82,
  'Phi-4': 14.66,
  'Phi-4-mini': 3.84,
  'Gemma-2-9B': 9.24,
  'Gemma-2-27B': 27.23,
  'Gemma-3-1B': 1,
  // 4.3, 12.19 and 27.43 with the 0.42 of the vision tower.
  'Gemma-3-4B': 3.88,
  'Gemma-3-12B': 11.77,
  'Gemma-3-27B': 27.01,
  'BLOOM-176B': 176.25,
  'Mixtral-8x7B': 46.7,
  'Mixtral-8x22B': 140.62,
  'Llama-4-Scout': 109,
  'Llama-4-Maverick': 400,
  'Qwen3-30B-A3B': 30.53,
  'Qwen3-30B-A3B-FP8': 30.53,
  'Qwen3-235B-A22B': 235.09,
  'Qwen3-235B-A22B-FP8': 235.09,
  'Qwen3-Coder-480B-A35B': 480,
  'Qwen3-Coder-480B-A35B-FP8': 480,
  'Qwen3-Next-80B-A3B': 80,
  'Qwen3-Next-80B-A3B-FP8': 80,
  'gpt-oss-20b': 20.91,
  'gpt-oss-120b': 116.83,
  'MiniMax-M2': 228.7,
  'DeepSeek-V2-Lite': 15.71,
  'DeepSeek-V2': 236,
  'DeepSeek-V3': 671.03,
  'Kimi-K2': 1026,
  'Kimi-K2-Thinking': 1026,
  'Kimi-K2.5': 1026,
  'Qwen3.5-35B-A3B': 35,
  'Qwen3.5-122B-A10B': 122,
  'Qwen3.5-397B-A17B': 397,
  'DeepSeek-V3.2': 671.9,
  'GLM-4.5': 355,
  'GLM-4.5-FP8': 355,
  'GLM-4.5-Air': 106,
  'GLM-4.5-Air-FP8': 106,
  'GLM-4.7-Flash': 30,
  'GLM-5': 744,
  'GLM-5-FP8': 744,
}

describe('the catalogue', () => {
  test.each(MODELS.map((model) => [model.name, model] as const))(
    '%s has the parameters it says, within 2 %%',
    (name, model) => {
      expect(Math.abs(parameterCount(model) / 1e9 / PUBLISHED[name]! - 1)).toBeLessThan(0.02)
      expect(activeParameterCount(model)).toBeLessThanOrEqual(parameterCount(model))
    },
  )

  // gpt-oss: arXiv 2508.10925, Mixtral: 2401.04088, Qwen3: 2505.09388, DeepSeek-V2: 2405.04434, V3: 2412.19437,
  // GLM-4.5: 2508.06471, without the embeddings; Kimi-K2: 2507.20534; Llama 4 and Coder: model cards.
  test.each([
    ['Mixtral-8x7B', 12.9],
    ['Qwen3-30B-A3B', 3.3],
    ['Qwen3-235B-A22B', 22],
    ['gpt-oss-120b', 5.1 + 0.58],
    ['DeepSeek-V3', 37],
    ['Qwen3.5-397B-A17B', 17],
    ['Llama-4-Scout', 17],
    ['Llama-4-Maverick', 17],
    ['Qwen3-Coder-480B-A35B', 35],
    ['DeepSeek-V2', 21],
    ['GLM-4.5', 32 + 1.55],
    ['GLM-4.5-Air', 12 + 1.24],
    ['Kimi-K2-Thinking', 32.6],
  ])('%s visits %f billion of them', (name, billions) => {
    expect(Math.abs(activeParameterCount(findModel(name)) / 1e9 / billions - 1)).toBeLessThan(0.03)
  })

  test.each([
    ['Qwen/Qwen3-235B-A22B', 'bf16'],
    ['Qwen/Qwen3-235B-A22B-FP8', 'fp8'],
    ['moonshotai/Kimi-K2-Instruct', 'fp8'],
    ['moonshotai/Kimi-K2.5', 'int4_experts'],
    ['moonshotai/Kimi-K2-Thinking', 'int4_experts'],
    ['Qwen/Qwen3-Next-80B-A3B-Instruct', 'bf16'],
    ['Qwen/Qwen3-Next-80B-A3B-Instruct-FP8', 'fp8'],
    ['Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8', 'fp8'],
    ['zai-org/GLM-4.6-FP8', 'fp8'],
    ['zai-org/GLM-4.7', 'bf16'],
  ])('a name that says the precision gets it: %s in %s', (name, weights) => {
    expect(findModel(name).weights).toBe(weights)
  })

  test.each([
    ['meta-llama/Llama-4-Scout-17B-16E-Instruct', 'Llama-4-Scout'],
    ['Qwen/Qwen3-Coder-30B-A3B-Instruct', 'Qwen3-30B-A3B'],
    ['Qwen/Qwen3-VL-235B-A22B-Instruct', 'Qwen3-235B-A22B'],
    ['Qwen/QwQ-32B', 'Qwen2.5-32B'],
    ['Qwen/Qwen2.5-Coder-32B-Instruct', 'Qwen2.5-32B'],
    ['deepseek-ai/DeepSeek-R1-Distill-Qwen-32B', 'Qwen2.5-32B'],
    ['deepseek-ai/DeepSeek-R1-Distill-Llama-70B', 'Llama-3.1-70B'],
    ['meta-llama/Llama-3.3-70B-Instruct', 'Llama-3.1-70B'],
    ['mistralai/Devstral-Small-2505', 'Mistral-Small-24B'],
    ['mistral_nemo', 'Mistral-Nemo-12B'],
    ['zai-org/GLM-4.6', 'GLM-4.5'],
    ['Qwen/Qwen3.6-35B-A3B', 'Qwen3.5-35B-A3B'],
    ['Qwen/Qwen3.5-27B', 'Qwen3.6-27B'],
  ])('a model of the same shape goes by its name too: %s', (name, canonical) => {
    expect(findModel(name).name).toBe(canonical)
  })

  test.each([
    ['mistralai/Mixtral-8x7B-Instruct-v0.1', 'Mixtral-8x7B'],
    ['mistralai/Mixtral-8x22B-Instruct-v0.1', 'Mixtral-8x22B'],
    ['deepseek-ai/DeepSeek-V3.1', 'DeepSeek-V3'],
    ['deepseek-ai/DeepSeek-V3-0324', 'DeepSeek-V3'],
    ['deepseek-ai/DeepSeek-V3.2-Exp', 'DeepSeek-V3.2'],
    ['deepseek-ai/DeepSeek-V2-Lite-Chat', 'DeepSeek-V2-Lite'],
    ['meta-llama/Llama-3.2-1B-Instruct', 'Llama-3.2-1B'],
    ['meta-llama/Llama-2-7b-chat-hf', 'Llama-2-7B'],
    ['meta-llama/Meta-Llama-3.1-70B-Instruct', 'Llama-3.1-70B'],
    ['unsloth/Llama-3.2-3B-Instruct', 'Llama-3.2-3B'],
    ['google/gemma-2-27b-it', 'Gemma-2-27B'],
    ['google/gemma-2-9b-it', 'Gemma-2-9B'],
    ['MiniMaxAI/MiniMax-M2.7', 'MiniMax-M2'],
    ['Qwen/Qwen3-8B-Base', 'Qwen3-8B'],
  ])('a repository of a checkpoint of the same shape is found: %s', (name, canonical) => {
    expect(findModel(name).name).toBe(canonical)
  })

  test.each([
    'mistralai/Mistral-7B-Instruct-v0.2',
    'google/gemma-2-2b-it',
    'meta-llama/Llama-3.2-11B-Vision-Instruct',
    'Qwen3-9B',
  ])('no model of another size or generation is taken for a slip of %s', (name) => {
    expect(() => findModel(name)).toThrow(`unknown model "${name}". Known: `)
  })

  test('a checkpoint in a precision that the catalogue lacks gets the model as a hint', () => {
    expect(() => findModel('Qwen3-32B-FP8')).toThrow(/did you mean "Qwen3-32B"\?/)
  })

  test('each says how long its context is', () => {
    for (const { name, maxPositions } of MODELS)
      expect([name, maxPositions! >= 2048]).toEqual([name, true])
  })

  test('gives each name to one model only', () => {
    for (const model of MODELS) {
      for (const name of [model.name, ...model.aliases]) expect(findModel(name)).toBe(model)
    }
  })

  test.each([
    ['llama-3.1-71b', 'Llama-3.1-70B'],
    ['qwen3.5-397b', 'Qwen3.5-397B-A17B'],
  ])('an unknown name gets one that begins so, or the nearest: %s', (name, nearest) => {
    expect(() => findModel(name)).toThrow(
      expect.objectContaining({
        code: 'model_unknown',
        message: expect.stringContaining(
          `unknown model "${name}": did you mean "${nearest}"? Known: `,
        ),
      }),
    )
  })
})

describe('sizes', () => {
  test('KV bytes per token: grouped, latent, windowed', () => {
    expect(kvBytesOfContext(findModel('llama-3.1-70b'), 1)).toBe(327_680)
    expect(kvBytesOfContext(findModel('llama-3.1-70b'), 1, 'fp8')).toBe(163_840)
    expect(kvBytesOfContext(findModel('deepseek-r1'), 1)).toBe(70_272)
    const gptOss = findModel('gpt-oss-120b')
    expect(kvBytesOfContext(gptOss, 1)).toBe(73_728)
    // 18 of 36 layers keep 128 tokens.
    expect(kvBytesOfContext(gptOss, 1000)).toBe(36_864 * 1000 + 36_864 * 128)
  })

  test('linear layers keep a state per request and no KV; an indexer keeps a key per token', () => {
    const qwen = findModel('qwen3.5-397b-a17b')
    // 15 of 60 layers attend, with keys and values of two heads of 256.
    expect(kvBytesOfContext(qwen, 1)).toBe(15 * 2 * 2 * 256 * 2)
    // Matrices of 128 x 128 for 64 heads in 32 bits; three inputs of the convolution in 16.
    const inputs = 3 * (2 * 16 * 128 + 64 * 128) * 2
    expect(stateBytesPerRequest(qwen)).toBe(45 * (64 * 128 * 128 * 4 + inputs))
    expect(stateBytesPerRequest(findModel('llama-3.1-70b'))).toBe(0)
    expect(attentionFlopsPerPair(qwen, 'decode')).toBe(4 * 32 * 256 * 15)
    // 576 elements and 128 bytes with their scale.
    expect(kvBytesOfContext(findModel('deepseek-v3.2'), 1)).toBe(61 * (2 * 576 + 132))
    // 512 in 8 bits with four scales, 64 of the position in 16.
    expect(kvBytesOfContext(findModel('deepseek-v3.2'), 1, 'fp8')).toBe(61 * (656 + 132))
    expect(kvBytesOfContext(findModel('deepseek-v3'), 1, 'fp8')).toBe(61 * 576)
  })

  test('FLOPs by hand: a dense layer of Llama 3.1 8B', () => {
    const model = findModel('llama-3.1-8b')
    const perLayer = 4096 * 128 * (2 * 32 + 2 * 8) + 3 * 4096 * 14336
    expect(flopsPerToken(model)).toBe(2 * (32 * perLayer + 128256 * 4096))
    expect(attentionFlopsPerPair(model, 'prefill')).toBe(4 * 32 * 128 * 32)
    expect(attentionFlopsPerPair(findModel('deepseek-v3'), 'decode')).toBe(2 * 128 * 1088 * 61)
  })

  test('weights by precision: embeddings keep 16 bits, and some are for experts', () => {
    const model = findModel('llama-3.1-70b')
    expect(weightBytes(model)).toBe(2 * parameterCount(model))
    const tables = 2 * 128256 * 8192
    expect(weightBytes(model, 'fp8')).toBe(parameterCount(model) + tables)
    // The checkpoint on Hugging Face has 65.2 GB.
    expect(weightBytes(findModel('gpt-oss-120b')) / 65.2e9).toBeCloseTo(1, 1)
    // That of Kimi-K2.5 595 GB, with its eyes.
    expect(weightBytes(findModel('Kimi-K2.5')) / 595e9).toBeCloseTo(1, 2)
  })
})
