import { describe, expect, test } from 'vitest'
import { findModel, MODELS } from './find-model.js'
import { modelFromHuggingFaceConfig } from './hugging-face-config.js'
import {
  activeParameterCount,
  attentionFlopsPerPair,
  flopsPerToken,
  kvBytesOfContext,
  parameterCount,
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
  'Qwen2.5-7B': 7.62,
  'Qwen2.5-14B': 14.77,
  'Qwen2.5-32B': 32.76,
  'Qwen2.5-72B': 72.71,
  'Qwen3-8B': 8.19,
  'Qwen3-14B': 14.77,
  'Qwen3-32B': 32.76,
  'Phi-3-mini': 3.82,
  'Phi-4': 14.66,
  'Gemma-2-9B': 9.24,
  'Gemma-2-27B': 27.23,
  // 27.43 with the 0.42 of the vision tower.
  'Gemma-3-27B': 27.01,
  'BLOOM-176B': 176.25,
  'Mixtral-8x7B': 46.7,
  'Mixtral-8x22B': 140.62,
  'Qwen3-30B-A3B': 30.53,
  'Qwen3-235B-A22B': 235.09,
  'Qwen3-235B-A22B-FP8': 235.09,
  'gpt-oss-20b': 20.91,
  'gpt-oss-120b': 116.83,
  'MiniMax-M2': 228.7,
  'DeepSeek-V2-Lite': 15.71,
  'DeepSeek-V3': 671.03,
  'Kimi-K2': 1026,
  'Kimi-K2.5': 1026,
}

describe('the catalogue', () => {
  test.each(MODELS.map((model) => [model.name, model] as const))(
    '%s has the parameters it says, within 2 %%',
    (name, model) => {
      expect(Math.abs(parameterCount(model) / 1e9 / PUBLISHED[name]! - 1)).toBeLessThan(0.02)
      expect(activeParameterCount(model)).toBeLessThanOrEqual(parameterCount(model))
    },
  )

  // gpt-oss: arXiv 2508.10925, Mixtral: 2401.04088, Qwen3: 2505.09388, DeepSeek-V3: 2412.19437.
  test.each([
    ['Mixtral-8x7B', 12.9],
    ['Qwen3-30B-A3B', 3.3],
    ['Qwen3-235B-A22B', 22],
    ['gpt-oss-120b', 5.1 + 0.58],
    ['DeepSeek-V3', 37],
  ])('%s visits %f billion of them', (name, billions) => {
    expect(Math.abs(activeParameterCount(findModel(name)) / 1e9 / billions - 1)).toBeLessThan(0.03)
  })

  test.each([
    ['Qwen/Qwen3-235B-A22B', 'bf16'],
    ['Qwen/Qwen3-235B-A22B-FP8', 'fp8'],
    ['moonshotai/Kimi-K2-Instruct', 'fp8'],
    ['moonshotai/Kimi-K2.5', 'int4'],
  ])('a name that says the precision gets it: %s in %s', (name, weights) => {
    expect(findModel(name).weights).toBe(weights)
  })

  test('gives each name to one model only', () => {
    for (const model of MODELS) {
      for (const name of [model.name, ...model.aliases]) expect(findModel(name)).toBe(model)
    }
  })

  test('an unknown name gets the nearest one', () => {
    expect(() => findModel('llama-3.1-71b')).toThrow(
      expect.objectContaining({
        code: 'model_unknown',
        message: expect.stringMatching(
          /^unknown model "llama-3.1-71b": did you mean "Llama-3.1-70B"\? Known: /,
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

  test('FLOPs by hand: a dense layer of Llama 3.1 8B', () => {
    const model = findModel('llama-3.1-8b')
    const perLayer = 4096 * 128 * (2 * 32 + 2 * 8) + 3 * 4096 * 14336
    expect(flopsPerToken(model)).toBe(2 * (32 * perLayer + 128256 * 4096))
    expect(attentionFlopsPerPair(model, 'prefill')).toBe(4 * 32 * 128 * 32)
    expect(attentionFlopsPerPair(findModel('deepseek-v3'), 'decode')).toBe(2 * 128 * 1088 * 61)
  })

  test('weights by precision: embeddings keep 16 bits, and mxfp4 is for experts', () => {
    const model = findModel('llama-3.1-70b')
    expect(weightBytes(model)).toBe(2 * parameterCount(model))
    const tables = 2 * 128256 * 8192
    expect(weightBytes(model, 'fp8')).toBe(parameterCount(model) + tables)
    // The checkpoint on Hugging Face has 65.2 GB.
    expect(weightBytes(findModel('gpt-oss-120b')) / 65.2e9).toBeCloseTo(1, 1)
  })
})

describe('modelFromHuggingFaceConfig', () => {
  const llama = {
    model_type: 'llama',
    hidden_size: 4096,
    intermediate_size: 14336,
    num_attention_heads: 32,
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    vocab_size: 128256,
    tie_word_embeddings: false,
  }

  /** What two records must agree on. */
  const figures = (model: ReturnType<typeof findModel>): object => ({
    ...model,
    name: '',
    aliases: [],
    source: '',
  })

  test.each([
    ['Llama-3.1-8B', llama],
    ['Mistral-7B', { ...llama, model_type: 'mistral', vocab_size: 32000, sliding_window: 4096 }],
    [
      'Qwen3-30B-A3B',
      {
        model_type: 'qwen3_moe',
        hidden_size: 2048,
        intermediate_size: 6144,
        moe_intermediate_size: 768,
        num_attention_heads: 32,
        num_hidden_layers: 48,
        num_key_value_heads: 4,
        head_dim: 128,
        num_experts: 128,
        num_experts_per_tok: 8,
        decoder_sparse_step: 1,
        vocab_size: 151936,
        tie_word_embeddings: false,
        sliding_window: null,
        use_sliding_window: false,
      },
    ],
    [
      'Mixtral-8x7B',
      {
        ...llama,
        model_type: 'mixtral',
        num_local_experts: 8,
        num_experts_per_tok: 2,
        vocab_size: 32000,
        sliding_window: null,
      },
    ],
    [
      'gpt-oss-120b',
      {
        model_type: 'gpt_oss',
        hidden_size: 2880,
        intermediate_size: 2880,
        num_attention_heads: 64,
        num_hidden_layers: 36,
        num_key_value_heads: 8,
        head_dim: 64,
        num_local_experts: 128,
        experts_per_token: 4,
        num_experts_per_tok: 4,
        sliding_window: 128,
        vocab_size: 201088,
        layer_types: Array.from({ length: 36 }, (_, i) =>
          i % 2 === 0 ? 'sliding_attention' : 'full_attention',
        ),
        tie_word_embeddings: false,
        quantization_config: { quant_method: 'mxfp4' },
      },
    ],
    [
      'DeepSeek-V3',
      {
        model_type: 'deepseek_v3',
        hidden_size: 7168,
        intermediate_size: 18432,
        moe_intermediate_size: 2048,
        num_attention_heads: 128,
        num_key_value_heads: 128,
        num_hidden_layers: 61,
        n_routed_experts: 256,
        n_shared_experts: 1,
        num_experts_per_tok: 8,
        first_k_dense_replace: 3,
        moe_layer_freq: 1,
        q_lora_rank: 1536,
        kv_lora_rank: 512,
        qk_rope_head_dim: 64,
        qk_nope_head_dim: 128,
        v_head_dim: 128,
        vocab_size: 129280,
        tie_word_embeddings: false,
        quantization_config: { quant_method: 'fp8' },
      },
    ],
    [
      'Gemma-2-9B',
      {
        model_type: 'gemma2',
        hidden_size: 3584,
        intermediate_size: 14336,
        num_attention_heads: 16,
        num_hidden_layers: 42,
        num_key_value_heads: 8,
        head_dim: 256,
        sliding_window: 4096,
        vocab_size: 256000,
      },
    ],
    [
      'Gemma-3-27B',
      {
        model_type: 'gemma3',
        text_config: {
          model_type: 'gemma3_text',
          hidden_size: 5376,
          intermediate_size: 21504,
          num_attention_heads: 32,
          num_hidden_layers: 62,
          num_key_value_heads: 16,
          head_dim: 128,
          sliding_window: 1024,
        },
      },
    ],
  ])('reads the config of %s', (name, config) => {
    expect(figures(modelFromHuggingFaceConfig(config, name))).toEqual(figures(findModel(name)))
  })

  test('what files of Gemma 3 leave out is what transformers has', () => {
    const text_config = {
      model_type: 'gemma3_text',
      hidden_size: 2560,
      intermediate_size: 10_240,
      num_hidden_layers: 34,
      sliding_window: 1024,
    }
    const model = modelFromHuggingFaceConfig({ model_type: 'gemma3', text_config }, 'gemma-3-4b-it')
    // 4.3e9 with its eyes, which have 0.4e9.
    expect(parameterCount(model) / 3.88e9).toBeCloseTo(1, 2)
    const window = { tokens: 1024, layers: 29 }
    expect(model.attention).toEqual({ kind: 'gqa', heads: 8, kvHeads: 4, headDim: 256, window })
  })

  const group = (weights: object): object => ({
    quant_method: 'compressed-tensors',
    config_groups: { group_0: { weights } },
  })
  test.each([
    [{ quant_method: 'fp8', weight_block_size: [128, 128] }, 'fp8'],
    [group({ num_bits: 8, type: 'float' }), 'fp8'],
    [group({ num_bits: 8, type: 'int' }), 'int8'],
    [group({ num_bits: 4, type: 'int' }), 'int4'],
    [group({ num_bits: 4, type: 'float' }), 'fp4'],
    [{ quant_method: 'modelopt', quant_algo: 'FP8' }, 'fp8'],
    [{ quant_method: 'modelopt', quantization: { quant_algo: 'NVFP4' } }, 'fp4'],
    [{ quant_algo: 'FP8' }, 'fp8'],
    [{ producer: { name: 'modelopt' }, quantization: { quant_algo: 'NVFP4' } }, 'fp4'],
    [{ quant_method: 'gptq', bits: 8 }, 'int8'],
    [{ quant_method: 'awq', bits: 4 }, 'int4'],
    [{ quant_method: 'bitsandbytes', load_in_4bit: true }, 'int4'],
    [{ quant_method: 'bitsandbytes', load_in_8bit: true }, 'int8'],
  ])('weights of %j are %s', (quantization_config, weights) => {
    expect(modelFromHuggingFaceConfig({ ...llama, quantization_config }, 'm').weights).toBe(weights)
    // Models that see pictures have it inside or outside.
    const text_config = { ...llama, quantization_config }
    expect(modelFromHuggingFaceConfig({ text_config }, 'm').weights).toBe(weights)
  })

  test('older files of compressed-tensors say compression_config', () => {
    const compression_config = group({ num_bits: 8, type: 'float' })
    expect(modelFromHuggingFaceConfig({ ...llama, compression_config }, 'm').weights).toBe('fp8')
    const text_config = { ...llama, compression_config }
    expect(modelFromHuggingFaceConfig({ text_config }, 'm').weights).toBe('fp8')
    const both = { ...llama, compression_config, quantization_config: { quant_method: 'awq' } }
    expect(modelFromHuggingFaceConfig(both, 'm').weights).toBe('int4')
  })

  test('windows of Qwen begin at a layer', () => {
    const qwen = { ...llama, model_type: 'qwen2', use_sliding_window: true, sliding_window: 4096 }
    const layersOf = (max_window_layers: number): number | undefined => {
      const { attention } = modelFromHuggingFaceConfig({ ...qwen, max_window_layers }, 'm')
      return attention.kind === 'gqa' ? attention.window?.layers : undefined
    }
    expect([layersOf(0), layersOf(21), layersOf(32)]).toEqual([32, 11, undefined])
  })

  test.each([
    [
      { ...llama, num_hidden_layers: undefined },
      'm: missing field num_hidden_layers: expected an integer >= 1',
    ],
    [{ ...llama, hidden_size: '4096' }, 'm: hidden_size: expected an integer >= 1, got "4096"'],
    [{ ...llama, model_type: 'mamba' }, /^m: model_type: expected one of llama, .*, got "mamba"$/],
    [
      { ...llama, quantization_config: { quant_method: 'aqlm' } },
      /quantization_config: expected a quant_method of fp8, .* got "aqlm"/,
    ],
    [
      { ...llama, quantization_config: { quant_method: 'gptq', bits: 3 } },
      /with weights of 4 or 8 bits, got "gptq"/,
    ],
    [
      { ...llama, quantization_config: { bits: 4, group_size: 128 } },
      /quantization_config: expected a quant_method of fp8, .* got none/,
    ],
    [
      { ...llama, quantization_config: { producer: { name: 'modelopt' } } },
      /quantization_config: expected a quant_method of fp8, .* got "modelopt"/,
    ],
    [
      { ...llama, compression_config: { quant_method: 'compressed-tensors', config_groups: {} } },
      /compression_config: expected a quant_method of fp8, .* got "compressed-tensors"/,
    ],
    [
      { ...llama, layer_types: ['linear_attention', 'full_attention'] },
      /layer_types: expected full_attention and sliding_attention, got "linear_attention"/,
    ],
    [{ ...llama, num_attention_heads: 24 }, /missing field head_dim: hidden_size 4096 is no mul/],
    [{ ...llama, num_key_value_heads: 5 }, /num_key_value_heads: expected a divisor of the 32 he/],
    [
      { ...llama, model_type: 'mixtral', num_local_experts: 8, num_experts_per_tok: 9 },
      'm: num_experts_per_tok: expected at most the 8 experts, got 9',
    ],
    [[], 'm: expected a JSON object, got []'],
  ])('refuses %j', (config, message) => {
    const error = expect.objectContaining({ code: 'model_config_invalid' })
    expect(() => modelFromHuggingFaceConfig(config, 'm')).toThrow(error)
    expect(() => modelFromHuggingFaceConfig(config, 'm')).toThrow(message)
  })
})
