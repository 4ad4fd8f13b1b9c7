import { describe, expect, test } from 'vitest'
import { findModel } from './find-model.js'
import { modelFromHuggingFaceConfig } from './hugging-face-config.js'
import { parameterCount, windowOf } from './model-size.js'

describe('modelFromHuggingFaceConfig', () => {
  const llama = {
    model_type: 'llama',
    hidden_size: 4096,
    intermediate_size: 14336,
    num_attention_heads: 32,
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    vocab_size: 128256,
    tie_word_embeddings: false,
  }

  /** What two records must agree on. */
  const figures = (model: ReturnType<typeof findModel>): object => ({
    ...model,
    name: '',
    aliases: [],
    checkpoints: model.checkpoints?.[model.weights],
    source: '',
  })

  test.each([
    ['Llama-3.1-8B', llama],
    [
      'Mistral-7B',
      {
        ...llama,
        model_type: 'mistral',
        max_position_embeddings: 32_768,
        vocab_size: 32000,
        sliding_window: 4096,
      },
    ],
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
        max_position_embeddings: 262_144,
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
        max_position_embeddings: 32_768,
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
        max_position_embeddings: 131_072,
        rope_scaling: { rope_type: 'yarn', factor: 32, original_max_position_embeddings: 4096 },
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
        max_position_embeddings: 163_840,
        rope_scaling: { type: 'yarn', factor: 40, original_max_position_embeddings: 4096 },
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
        max_position_embeddings: 8192,
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
    const flat = modelFromHuggingFaceConfig({ ...text_config, model_type: 'gemma3' }, 'm')
    expect(flat.attention).toEqual(model.attention)
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

  const qwen35 = {
    model_type: 'qwen3_5_moe_text',
    attn_output_gate: true,
    full_attention_interval: 4,
    head_dim: 256,
    hidden_size: 4096,
    linear_conv_kernel_dim: 4,
    linear_key_head_dim: 128,
    linear_num_key_heads: 16,
    linear_num_value_heads: 64,
    linear_value_head_dim: 128,
    moe_intermediate_size: 1024,
    num_attention_heads: 32,
    num_experts: 512,
    num_experts_per_tok: 10,
    num_hidden_layers: 60,
    num_key_value_heads: 2,
    shared_expert_intermediate_size: 1024,
    max_position_embeddings: 262_144,
    vocab_size: 248320,
    tie_word_embeddings: false,
  }

  test('linear layers: in the text part, counted by the interval or by name', () => {
    const catalogue = figures(findModel('Qwen3.5-397B-A17B'))
    const read = (config: object): object => figures(modelFromHuggingFaceConfig(config, 'm'))
    expect(read({ model_type: 'qwen3_5_moe', text_config: qwen35 })).toEqual(catalogue)
    const layer_types = Array.from({ length: 60 }, (_, i) =>
      i % 4 === 3 ? 'full_attention' : 'linear_attention',
    )
    expect(read({ ...qwen35, layer_types, full_attention_interval: 7 })).toEqual(catalogue)
    const attending = modelFromHuggingFaceConfig({ ...qwen35, full_attention_interval: 1 }, 'm')
    expect(attending.linear).toBeUndefined()
    const open = modelFromHuggingFaceConfig({ ...qwen35, attn_output_gate: false }, 'm')
    expect(open.attention).not.toHaveProperty('isGated')
    expect(() => read({ ...qwen35, layer_types: layer_types.slice(1) })).toThrow(
      'm: layer_types: expected 60 layers, got 59',
    )
    expect(() => read({ ...qwen35, full_attention_interval: 61 })).toThrow(
      'm: expected some of the 60 layers to attend, got none',
    )
    const narrow = modelFromHuggingFaceConfig({ ...qwen35, mamba_ssm_dtype: 'bfloat16' }, 'm')
    expect([narrow.linear?.stateBytes, attending.tiedEmbeddings]).toEqual([2, false])
    const { tie_word_embeddings: _, ...untold } = qwen35
    const outer = { model_type: 'qwen3_5_moe', text_config: untold, tie_word_embeddings: true }
    expect(modelFromHuggingFaceConfig(outer, 'm').tiedEmbeddings).toBe(true)
    expect(() => read({ ...qwen35, layer_types: ['mamba'] })).toThrow(
      /layer_types: expected full_attention and linear_attention, got "mamba"/,
    )
  })

  test('attention to the tokens that an indexer finds, and dense layers by name', () => {
    const glm = {
      model_type: 'glm_moe_dsa',
      hidden_size: 6144,
      intermediate_size: 12288,
      moe_intermediate_size: 2048,
      num_attention_heads: 64,
      num_hidden_layers: 78,
      n_shared_experts: 1,
      n_routed_experts: 256,
      num_experts_per_tok: 8,
      first_k_dense_replace: 3,
      kv_lora_rank: 512,
      q_lora_rank: 2048,
      qk_nope_head_dim: 192,
      qk_rope_head_dim: 64,
      v_head_dim: 256,
      index_topk: 2048,
      index_n_heads: 32,
      index_head_dim: 128,
      max_position_embeddings: 202_752,
      vocab_size: 154880,
      tie_word_embeddings: false,
    }
    const catalogue = figures(findModel('GLM-5'))
    expect(figures(modelFromHuggingFaceConfig(glm, 'm'))).toEqual(catalogue)
    const mlp_layer_types = Array.from({ length: 78 }, (_, i) => (i < 3 ? 'dense' : 'sparse'))
    const named = { ...glm, first_k_dense_replace: undefined, mlp_layer_types }
    expect(figures(modelFromHuggingFaceConfig(named, 'm'))).toEqual(catalogue)
    const read = (more: object) => (): unknown =>
      modelFromHuggingFaceConfig({ ...glm, ...more }, 'm')
    expect(read({ mlp_layer_types: ['dense'] })).toThrow(
      'mlp_layer_types: expected 78 layers, got 1',
    )
    expect(read({ mlp_layer_types: ['wide'] })).toThrow(
      'mlp_layer_types: expected dense and sparse, got "wide"',
    )
    expect(read({ index_topk_freq: 4 })).toThrow('index_topk_freq: expected 1, an indexer in each')
  })

  test('INT4 of routed experts alone is told by what else is left as it is', () => {
    const weightsWithout = (...ignore: readonly string[]): string => {
      const quantization_config = { ...group({ num_bits: 4, type: 'int' }), ignore }
      const mixture = { model_type: 'kimi_k2', n_routed_experts: 8, moe_intermediate_size: 512 }
      const experts = { ...mixture, n_shared_experts: 1, num_experts_per_tok: 2, kv_lora_rank: 512 }
      const heads = { qk_rope_head_dim: 64, qk_nope_head_dim: 128, v_head_dim: 128 }
      const config = { ...llama, ...experts, ...heads, first_k_dense_replace: 1 }
      return modelFromHuggingFaceConfig({ ...config, quantization_config }, 'm').weights
    }
    const attention = ['lm_head', 're:.*self_attn.*']
    const networks = ['re:.*shared_experts.*', String.raw`re:.*mlp\.(gate|up|gate_up|down)_proj.*`]
    expect(weightsWithout(...attention, ...networks)).toBe('int4_experts')
    expect(weightsWithout(...attention)).toBe('int4')
    expect(weightsWithout(...networks)).toBe('int4')
    expect(() => weightsWithout(...networks, 're:*')).toThrow(
      'm: quantization_config: expected regular expressions after re:, got "re:*"',
    )
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
    const layersOf = (max_window_layers: number): number | undefined =>
      windowOf(modelFromHuggingFaceConfig({ ...qwen, max_window_layers }, 'm')).layers
    expect([layersOf(0), layersOf(21), layersOf(32)]).toEqual([32, 11, 0])
  })

  test('windows of mixtures of Qwen: every second layer up to one, or all of them', () => {
    const layersOf = (model_type: string, rest: object): number => {
      const on = { use_sliding_window: true, sliding_window: 4096 }
      const qwen = { ...llama, ...on, model_type, ...rest }
      return windowOf(modelFromHuggingFaceConfig(qwen, 'm')).layers
    }
    expect(layersOf('qwen2_moe', {})).toBe(14)
    expect(layersOf('qwen2_moe', { max_window_layers: 21 })).toBe(11)
    expect(layersOf('qwen2_moe', { max_window_layers: 64 })).toBe(16)
    expect(layersOf('qwen2_moe', { max_window_layers: 0 })).toBe(0)
    expect(layersOf('qwen3_moe', { max_window_layers: 21 })).toBe(32)
  })

  test.each(['qwen2', 'qwen2_moe', 'qwen3', 'qwen3_moe'])(
    'windows of %s are off unless the file turns them on',
    (model_type) => {
      const qwen = { ...llama, model_type, sliding_window: 32_768 }
      for (const rest of [{}, { use_sliding_window: null }, { max_window_layers: 4 }]) {
        expect(windowOf(modelFromHuggingFaceConfig({ ...qwen, ...rest }, 'm')).layers).toBe(0)
      }
    },
  )

  test('a Qwen with a window of which it says no more has that of transformers', () => {
    const qwen = { ...llama, model_type: 'qwen2', use_sliding_window: true }
    const model = modelFromHuggingFaceConfig(qwen, 'm')
    expect(windowOf(model)).toEqual({ tokens: 4096, layers: 4 })
  })

  test('what files of Mistral leave out is what transformers has; null says something else', () => {
    const { num_key_value_heads: _, ...rest } = llama
    const headsOf = (config: object): unknown =>
      modelFromHuggingFaceConfig({ ...rest, ...config }, 'm').attention
    const mistral = { kind: 'gqa', heads: 32, kvHeads: 8, headDim: 128 }
    expect(headsOf({ model_type: 'mistral' })).toEqual({
      ...mistral,
      window: { tokens: 4096, layers: 32 },
    })
    expect(headsOf({ model_type: 'mistral', sliding_window: null })).toEqual(mistral)
    const all = { num_key_value_heads: null, sliding_window: null }
    expect(headsOf({ model_type: 'mistral', ...all })).toEqual({ ...mistral, kvHeads: 32 })
    const experts = { num_local_experts: 8, num_experts_per_tok: 2 }
    expect(headsOf({ model_type: 'mixtral', ...experts })).toEqual(mistral)
    expect(headsOf({ model_type: 'llama' })).toEqual({ ...mistral, kvHeads: 32 })
  })

  const qwenMixture = {
    ...llama,
    model_type: 'qwen3_moe',
    moe_intermediate_size: 768,
    num_experts: 128,
    num_experts_per_tok: 8,
  }
  test.each([
    [{}, 0],
    [{ mlp_only_layers: [0, 1, 2] }, 3],
    [{ mlp_only_layers: [31, 40] }, 1],
    // Layers 1, 3, 5, ... have experts.
    [{ decoder_sparse_step: 2 }, 16],
    [{ decoder_sparse_step: 2, mlp_only_layers: [0, 1] }, 17],
    // Layers 2, 4, 6, ... have experts.
    [{ first_k_dense_replace: 1, moe_layer_freq: 2 }, 17],
  ])('dense layers of a mixture with %j: %d', (config, denseLayers) => {
    const model = modelFromHuggingFaceConfig({ ...qwenMixture, ...config }, 'm')
    expect(model).toMatchObject({ denseLayers, experts: { count: 128 } })
  })

  test.each([
    { first_k_dense_replace: 32 },
    { first_k_dense_replace: 50 },
    { decoder_sparse_step: 64 },
  ])('a mixture with %j has no experts at all', (config) => {
    const model = modelFromHuggingFaceConfig({ ...qwenMixture, ...config }, 'm')
    expect(figures(model)).toEqual(figures(modelFromHuggingFaceConfig(llama, 'm')))
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
      /quantization_config: expected a quant_method of fp8, .* got {"quant_method":"aqlm"}/,
    ],
    [
      { ...llama, quantization_config: { quant_method: 'gptq', bits: 3 } },
      /with weights of 4 or 8 bits, got {"quant_method":"gptq","bits":3}/,
    ],
    [
      { ...llama, quantization_config: { bits: 4, group_size: 128 } },
      /quantization_config: expected a quant_method of fp8, .* got none/,
    ],
    [
      { ...llama, quantization_config: { producer: { name: 'modelopt' } } },
      /quantization_config: expected a quant_method of fp8, .* got {"quant_method":"modelopt"}/,
    ],
    [
      { ...llama, compression_config: { quant_method: 'compressed-tensors', config_groups: {} } },
      /compression_config: expected a quant_method of fp8, .* got {"quant_method":"compressed-tensors"}/,
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

test.each([
  ['none', 32_768, undefined, 32_768],
  ['yarn', 32_768, { type: 'yarn', factor: 4, original_max_position_embeddings: 32_768 }, 131_072],
  [
    'yarn, counted',
    163_840,
    { type: 'yarn', factor: 40, original_max_position_embeddings: 4096 },
    163_840,
  ],
  ['linear', 4096, { rope_type: 'linear', factor: 2.5 }, 10_240],
  ['llama3', 131_072, { rope_type: 'llama3', factor: 8 }, 131_072],
  ['default', 40_960, { rope_type: 'default', rope_theta: 1e6 }, 40_960],
])('the longest context is as scalings extend it: %s', (_, given, rope_scaling, maxPositions) => {
  const config = {
    model_type: 'llama',
    hidden_size: 4096,
    intermediate_size: 14_336,
    num_attention_heads: 32,
    num_hidden_layers: 32,
    vocab_size: 32_000,
    max_position_embeddings: given,
    rope_scaling,
  }
  expect(modelFromHuggingFaceConfig(config, 'it').maxPositions).toBe(maxPositions)
})
