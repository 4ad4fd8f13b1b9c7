import { describe, expect, test } from 'vitest'
import { findModel } from './find-model.js'
import { modelFromHuggingFaceConfig } from './hugging-face-config.js'
import { windowOf } from './model-size.js'

/** Files as published, less what does not matter here: rotary embeddings, norms, tokens, the vision tower. */
const LLAMA_4 = {
  attention_bias: false,
  attention_chunk_size: 8192,
  head_dim: 128,
  hidden_size: 5120,
  intermediate_size: 8192,
  intermediate_size_mlp: 16384,
  model_type: 'llama4_text',
  no_rope_layers: [],
  num_attention_heads: 40,
  num_experts_per_tok: 1,
  num_hidden_layers: 48,
  num_key_value_heads: 8,
  vocab_size: 202048,
}
const scout = {
  ...LLAMA_4,
  interleave_moe_layer_step: 1,
  max_position_embeddings: 10485760,
  num_local_experts: 16,
}
const maverick = {
  ...LLAMA_4,
  interleave_moe_layer_step: 2,
  max_position_embeddings: 1048576,
  num_local_experts: 128,
}
const mistral = {
  model_type: 'mistral',
  head_dim: 128,
  hidden_size: 5120,
  num_attention_heads: 32,
  num_hidden_layers: 40,
  num_key_value_heads: 8,
  sliding_window: null,
  vocab_size: 131072,
}
const qwen3 = {
  model_type: 'qwen3',
  head_dim: 128,
  max_position_embeddings: 40960,
  max_window_layers: 28,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151936,
}
const coder = {
  model_type: 'qwen3_moe',
  decoder_sparse_step: 1,
  head_dim: 128,
  hidden_size: 6144,
  intermediate_size: 8192,
  max_position_embeddings: 262144,
  max_window_layers: 62,
  mlp_only_layers: [],
  moe_intermediate_size: 2560,
  num_attention_heads: 96,
  num_experts: 160,
  num_experts_per_tok: 8,
  num_hidden_layers: 62,
  num_key_value_heads: 8,
  shared_expert_intermediate_size: 0,
  sliding_window: null,
  tie_word_embeddings: false,
  use_sliding_window: false,
  vocab_size: 151936,
}
const next = {
  model_type: 'qwen3_next',
  decoder_sparse_step: 1,
  full_attention_interval: 4,
  head_dim: 256,
  hidden_size: 2048,
  intermediate_size: 5120,
  linear_conv_kernel_dim: 4,
  linear_key_head_dim: 128,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  linear_value_head_dim: 128,
  max_position_embeddings: 262144,
  mlp_only_layers: [],
  moe_intermediate_size: 512,
  num_attention_heads: 16,
  num_experts: 512,
  num_experts_per_tok: 10,
  num_hidden_layers: 48,
  num_key_value_heads: 2,
  shared_expert_intermediate_size: 512,
  tie_word_embeddings: false,
  use_sliding_window: false,
  vocab_size: 151936,
}
const glm = {
  model_type: 'glm4_moe',
  first_k_dense_replace: 3,
  head_dim: 128,
  hidden_size: 5120,
  intermediate_size: 12288,
  max_position_embeddings: 202752,
  moe_intermediate_size: 1536,
  n_routed_experts: 160,
  n_shared_experts: 1,
  num_attention_heads: 96,
  num_experts_per_tok: 8,
  num_hidden_layers: 92,
  num_key_value_heads: 8,
  tie_word_embeddings: false,
  vocab_size: 151552,
}
const latent = { kv_lora_rank: 512, qk_rope_head_dim: 64, tie_word_embeddings: false }
const phi = {
  model_type: 'phi3',
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  num_attention_heads: 24,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  sliding_window: 262144,
  tie_word_embeddings: true,
  vocab_size: 200064,
}
const blocks = { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [128, 128] }

describe('what is published reads as the catalogue has it', () => {
  test.each([
    ['Llama-4-Scout', { model_type: 'llama4', text_config: scout }],
    ['Llama-4-Maverick', { model_type: 'llama4', text_config: maverick }],
    ['Mistral-Nemo-12B', { ...mistral, intermediate_size: 14336 }],
    ['Mistral-Small-24B', { ...mistral, intermediate_size: 32768 }],
    [
      'Mistral-Small-3.1-24B-Instruct-2503',
      { model_type: 'mistral3', text_config: { ...mistral, intermediate_size: 32768 } },
    ],
    [
      'Mistral-Large-2',
      {
        ...mistral,
        hidden_size: 12288,
        intermediate_size: 28672,
        num_attention_heads: 96,
        num_hidden_layers: 88,
        vocab_size: 32768,
      },
    ],
    ['Qwen3-0.6B', { ...qwen3, hidden_size: 1024, intermediate_size: 3072 }],
    ['Qwen3-1.7B', { ...qwen3, hidden_size: 2048, intermediate_size: 6144 }],
    [
      'Qwen3-4B',
      {
        ...qwen3,
        // As of the checkpoints of July 2025.
        max_position_embeddings: 262_144,
        hidden_size: 2560,
        intermediate_size: 9728,
        max_window_layers: 36,
        num_attention_heads: 32,
        num_hidden_layers: 36,
      },
    ],
    [
      'Qwen3.6-27B',
      {
        model_type: 'qwen3_5',
        text_config: {
          model_type: 'qwen3_5_text',
          attn_output_gate: true,
          full_attention_interval: 4,
          head_dim: 256,
          hidden_size: 5120,
          intermediate_size: 17408,
          layer_types: Array.from({ length: 64 }, (_, i) =>
            i % 4 === 3 ? 'full_attention' : 'linear_attention',
          ),
          linear_conv_kernel_dim: 4,
          linear_key_head_dim: 128,
          linear_num_key_heads: 16,
          linear_num_value_heads: 48,
          linear_value_head_dim: 128,
          mamba_ssm_dtype: 'float32',
          max_position_embeddings: 262144,
          num_attention_heads: 24,
          num_hidden_layers: 64,
          num_key_value_heads: 4,
          tie_word_embeddings: false,
          vocab_size: 248320,
        },
      },
    ],
    [
      'Seed-OSS-36B',
      {
        model_type: 'seed_oss',
        head_dim: 128,
        hidden_size: 5120,
        intermediate_size: 27648,
        num_attention_heads: 80,
        num_hidden_layers: 64,
        num_key_value_heads: 8,
        tie_word_embeddings: false,
        vocab_size: 155136,
      },
    ],
    ['Phi-4-mini', phi],
    [
      'Gemma-3-1B',
      {
        model_type: 'gemma3_text',
        head_dim: 256,
        hidden_size: 1152,
        intermediate_size: 6912,
        max_position_embeddings: 32768,
        num_attention_heads: 4,
        num_hidden_layers: 26,
        num_key_value_heads: 1,
        sliding_window: 512,
        sliding_window_pattern: 6,
        vocab_size: 262144,
      },
    ],
    [
      'Gemma-3-12B',
      {
        model_type: 'gemma3',
        text_config: {
          model_type: 'gemma3_text',
          head_dim: 256,
          hidden_size: 3840,
          intermediate_size: 15360,
          max_position_embeddings: 131072,
          num_attention_heads: 16,
          num_hidden_layers: 48,
          num_key_value_heads: 8,
          sliding_window: 1024,
        },
      },
    ],
    ['Qwen3-Coder-480B-A35B', coder],
    ['Qwen3-Coder-480B-A35B-FP8', { ...coder, quantization_config: blocks }],
    ['Qwen3-Next-80B-A3B', next],
    [
      'Qwen3-VL-235B-A22B-Thinking',
      {
        model_type: 'qwen3_vl_moe',
        tie_word_embeddings: false,
        text_config: {
          model_type: 'qwen3_vl_moe_text',
          decoder_sparse_step: 1,
          head_dim: 128,
          hidden_size: 4096,
          intermediate_size: 12288,
          max_position_embeddings: 262144,
          mlp_only_layers: [],
          moe_intermediate_size: 1536,
          num_attention_heads: 64,
          num_experts: 128,
          num_experts_per_tok: 8,
          num_hidden_layers: 94,
          num_key_value_heads: 4,
          vocab_size: 151936,
        },
      },
    ],
    ['GLM-4.7', glm],
    ['GLM-4.7-FP8', { ...glm, quantization_config: blocks }],
    [
      'GLM-4.5-Air',
      {
        ...glm,
        max_position_embeddings: 131_072,
        first_k_dense_replace: 1,
        hidden_size: 4096,
        intermediate_size: 10944,
        moe_intermediate_size: 1408,
        n_routed_experts: 128,
        num_hidden_layers: 46,
      },
    ],
    [
      'GLM-4.7-Flash',
      {
        ...latent,
        model_type: 'glm4_moe_lite',
        first_k_dense_replace: 1,
        head_dim: 64,
        hidden_size: 2048,
        intermediate_size: 10240,
        moe_intermediate_size: 1536,
        n_routed_experts: 64,
        n_shared_experts: 1,
        num_attention_heads: 20,
        num_experts_per_tok: 4,
        num_hidden_layers: 47,
        num_key_value_heads: 20,
        q_lora_rank: 768,
        qk_nope_head_dim: 192,
        v_head_dim: 256,
        vocab_size: 154880,
      },
    ],
    [
      'DeepSeek-V2',
      {
        ...latent,
        model_type: 'deepseek_v2',
        first_k_dense_replace: 1,
        hidden_size: 5120,
        intermediate_size: 12288,
        moe_intermediate_size: 1536,
        moe_layer_freq: 1,
        n_routed_experts: 160,
        n_shared_experts: 2,
        num_attention_heads: 128,
        num_experts_per_tok: 6,
        num_hidden_layers: 60,
        num_key_value_heads: 128,
        q_lora_rank: 1536,
        qk_nope_head_dim: 128,
        v_head_dim: 128,
        vocab_size: 102400,
      },
    ],
  ])('%s', (name, config) => {
    const { aliases: _, name: __, source: ___, ...read } = modelFromHuggingFaceConfig(config, name)
    expect(findModel(name)).toMatchObject(read)
    expect({ ...findModel(name), ...read }).toEqual(findModel(name))
  })
})

describe('Llama 4', () => {
  const read = (more: object): ReturnType<typeof findModel> =>
    modelFromHuggingFaceConfig({ ...maverick, ...more }, 'm')
  const one = (length: number, every: number): number[] =>
    Array.from({ length }, (_, i) => ((i + 1) % every === 0 ? 0 : 1))

  test.each([
    [{ no_rope_layers: one(48, 4) }, 36],
    [{ no_rope_layers: one(48, 2) }, 24],
    [{ no_rope_layer_interval: 2 }, 24],
    [{ attention_chunk_size: null }, 0],
    [{ layer_types: one(48, 3).map((is) => (is ? 'chunked_attention' : 'full_attention')) }, 32],
  ])('chunks by their layers: %#', (more, layers) => {
    expect(windowOf(read(more)).layers).toBe(layers)
  })

  test('layers with experts: in a list or by a step; none in a file for text alone', () => {
    expect(read({}).denseLayers).toBe(24)
    expect(read({ moe_layers: [3, 7, 11] }).denseLayers).toBe(45)
    expect(read({ moe_layers: [] }).experts).toBeUndefined()
    expect(read({ moe_layers: [] }).intermediateSize).toBe(16384)
  })
})

test('a window that holds the longest context is none', () => {
  const layers = (max_position_embeddings: number): number =>
    windowOf(modelFromHuggingFaceConfig({ ...phi, max_position_embeddings }, 'm')).layers
  expect([131072, 262144, 262145].map(layers)).toEqual([0, 0, 32])
})

test('Ministral 3 has eight KV heads and no window where its file is silent', () => {
  const { num_key_value_heads: _, sliding_window: __, ...rest } = mistral
  const config = { ...rest, model_type: 'ministral3', intermediate_size: 32768 }
  const { attention } = modelFromHuggingFaceConfig({ text_config: config }, 'm')
  expect(attention).toEqual(findModel('Mistral-Small-24B').attention)
})
