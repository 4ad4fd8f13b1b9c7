import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { KERNEL_EFFICIENCIES } from '../latency/kernel-efficiency.js'
import { denseMatmuls } from '../latency/matmul-work.js'
import { h100 } from '../testing/h100.js'
import { modelFromHuggingFaceConfig } from './hugging-face-config.js'
import type { Checkpoint, Model } from './model.js'
import { modelParameters, weightBytes } from './model-size.js'
import { bytesPerWeight } from './weight-formats.js'

const llama8b = {
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  tie_word_embeddings: false,
}
const llama405b = {
  ...llama8b,
  hidden_size: 16384,
  intermediate_size: 53248,
  num_attention_heads: 128,
  num_hidden_layers: 126,
}
const deepseek = {
  model_type: 'deepseek_v3',
  hidden_size: 7168,
  intermediate_size: 18432,
  moe_intermediate_size: 2048,
  num_attention_heads: 128,
  num_hidden_layers: 61,
  n_routed_experts: 256,
  n_shared_experts: 1,
  num_experts_per_tok: 8,
  first_k_dense_replace: 3,
  q_lora_rank: 1536,
  kv_lora_rank: 512,
  qk_rope_head_dim: 64,
  qk_nope_head_dim: 128,
  v_head_dim: 128,
  vocab_size: 129280,
}

function read(config: object, quantization_config: object): Model {
  return modelFromHuggingFaceConfig({ ...config, quantization_config }, 'm')
}

/** A group of compressed-tensors. */
function group(weights: object, input_activations: object | null, ...targets: string[]): object {
  return { weights, input_activations, ...(targets.length === 0 ? {} : { targets }) }
}

function compressed(groups: readonly object[], rest: object = {}): object {
  return { quant_method: 'compressed-tensors', config_groups: { ...groups }, ...rest }
}

function checkpointOf(model: Model): Checkpoint | undefined {
  return model.checkpoints?.[model.weights]
}

const FP8 = { num_bits: 8, type: 'float' }
const FP4 = { num_bits: 4, type: 'float', group_size: 16 }

/** Layers of Meta-Llama-3.1-405B-Instruct-FP8 that its file names: attention, and the first and last network. */
const LEFT_OUT_OF_405B = [
  ...Array.from({ length: 126 }, (_, layer) =>
    ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(
      (name) => `model.layers.${layer}.self_attn.${name}`,
    ),
  ).flat(),
  ...[0, 125].flatMap((layer) =>
    ['gate_proj', 'up_proj', 'down_proj'].map((name) => `model.layers.${layer}.mlp.${name}`),
  ),
]

describe('modules that a checkpoint leaves in 16 bits', () => {
  test('by measurement: 57.75 GiB of Llama-3.1-405B-FP8 on each of 8 GPUs (vllm-project/vllm issue 6746)', () => {
    const quantization_config = {
      quant_method: 'fbgemm_fp8',
      modules_to_not_convert: LEFT_OUT_OF_405B,
    }
    // The release of July 2024 had each KV head twice.
    const model = read({ ...llama405b, num_key_value_heads: 16 }, quantization_config)
    expect(model.weights).toBe('fp8')
    expect(weightBytes(model) / 8 / 2 ** 30).toBeGreaterThan(0.995 * 57.752)
    expect(weightBytes(model) / 8 / 2 ** 30).toBeLessThan(1.005 * 57.752)
  })

  test.each([
    [{ quant_method: 'fp8', modules_to_not_convert: ['self_attn'] }],
    [
      {
        quant_method: 'fp8',
        ignored_layers: LEFT_OUT_OF_405B.filter((each) => each.includes('attn')),
      },
    ],
    [{ quant_algo: 'FP8', exclude_modules: ['lm_head', '*self_attn*'] }],
    [{ quantization: { quant_algo: 'FP8', exclude_modules: ['model.layers.*.self_attn*'] } }],
    [compressed([group(FP8, FP8, 'Linear')], { ignore: ['re:.*self_attn.*', 'lm_head'] })],
    [compressed([group(FP8, FP8, 're:.*mlp.*')])],
  ])('attention is named by %j', (quantization_config) => {
    const model = read(llama405b, quantization_config)
    expect(bytesPerWeight(model, 'fp8', 'attention')).toBe(2)
    expect(bytesPerWeight(model, 'fp8', 'dense')).toBe(1)
  })

  test('a gate is not a gate_proj, nor layer 1 layer 10', () => {
    const modules_to_not_convert = ['gate', 'lm_head', 'model.layers.1']
    const model = read(llama8b, { quant_method: 'fp8', modules_to_not_convert })
    expect(bytesPerWeight(model, 'fp8', 'dense')).toBeCloseTo(1 + 1 / 32, 12)
  })

  test('models that see pictures have a language_model before their layers', () => {
    const ignore = Array.from(
      { length: 32 },
      (_, i) => `language_model.model.layers.${i}.self_attn.o_proj`,
    )
    const model = read(llama8b, { quant_method: 'fp8', modules_to_not_convert: ignore })
    // Queries and outputs have 4096 columns each, keys and values 1024.
    expect(bytesPerWeight(model, 'fp8', 'attention')).toBeCloseTo(1 + 4096 / 10240, 12)
  })

  test('DeepSeek-R1-FP4: attention in 16 bits, its output projection not from v2 on', () => {
    const layers = Array.from({ length: 61 }, (_, layer) => `model.layers.${layer}.self_attn`)
    const first = read(deepseek, { quant_algo: 'NVFP4', ignore: layers.map((each) => `${each}*`) })
    expect(bytesPerWeight(first, 'fp4', 'attention')).toBe(2)
    expect(checkpointOf(first)?.parts).not.toHaveProperty('experts')
    expect(checkpointOf(first)?.parts).not.toHaveProperty('dense')
    const exclude_modules = layers.flatMap((each) => [`${each}.q_*`, `${each}.kv_*`])
    const second = read(deepseek, { quant_algo: 'NVFP4', exclude_modules })
    const wide = 7168 * (1536 + 576) + 1536 * 128 * 192 + 512 * 128 * 256
    const narrow = 128 * 128 * 7168
    expect(bytesPerWeight(second, 'fp4', 'attention')).toBeCloseTo(
      (2 * wide + 0.5625 * narrow) / (wide + narrow),
      12,
    )
  })

  test.each([
    { moe_layer_freq: 2 },
    { mlp_only_layers: [1, 3, 5, 7, 9] },
    { mlp_layer_types: Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? 'sparse' : 'dense')) },
  ])('layers between those with experts are dense by %j', (places) => {
    const mixture = { ...deepseek, num_hidden_layers: 10, first_k_dense_replace: 0, ...places }
    const named = (layer: number): Model =>
      read(mixture, {
        quant_method: 'fp8',
        modules_to_not_convert: [`layers.${layer}.mlp.down_proj`],
      })
    const matrices = 3 * 5 * (18432 + 2048)
    expect(bytesPerWeight(named(9), 'fp8', 'dense')).toBeCloseTo(1 + 18432 / matrices, 12)
    expect(bytesPerWeight(named(8), 'fp8', 'dense')).toBe(1)
  })

  test('a list that names all leaves nothing quantised', () => {
    const model = read(llama8b, { quant_method: 'awq', modules_to_not_convert: ['model'] })
    expect(model.weights).toBe('bf16')
    expect(model.checkpoints).toBeUndefined()
  })

  test('rules of GPTQModel with a minus leave modules out, others give them another width', () => {
    const dynamic = { '-:.*attn.*': {}, '+:.*mlp.down.*': { bits: 8 } }
    const model = read(llama8b, { quant_method: 'gptq', bits: 4, dynamic })
    expect(bytesPerWeight(model, 'int4', 'attention')).toBe(2)
    const [narrow, wide] = [(4 + 20 / 128) / 8, (8 + 24 / 128) / 8]
    expect(bytesPerWeight(model, 'int4', 'dense')).toBeCloseTo((2 * narrow + wide) / 3, 12)
  })

  test('compressed-tensors names modules whole, others also what is around them', () => {
    const ignore = Array.from({ length: 32 }, (_, layer) => `model.layers.${layer}.self_attn`)
    const whole = read(llama8b, compressed([group(FP8, FP8, 'Linear')], { ignore }))
    expect(whole.checkpoints).toBeUndefined()
    const around = read(llama8b, { quant_method: 'fp8', ignored_layers: ignore })
    expect(bytesPerWeight(around, 'fp8', 'attention')).toBe(2)
    const projections = ignore.flatMap((each) => [`${each}.q_proj`, `${each}.o_proj`])
    const some = read(llama8b, compressed([group(FP8, FP8)], { ignore: projections }))
    expect(bytesPerWeight(some, 'fp8', 'attention')).toBeCloseTo(1 + 8192 / 10240, 12)
  })

  test('in layers of two kinds of attention, lists by layer and patterns for all say the same', () => {
    const hybrid = {
      ...llama8b,
      model_type: 'qwen3_next',
      head_dim: 256,
      full_attention_interval: 4,
      linear_num_key_heads: 16,
      linear_key_head_dim: 128,
      linear_num_value_heads: 32,
      linear_value_head_dim: 128,
      linear_conv_kernel_dim: 4,
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 512,
      shared_expert_intermediate_size: 512,
    }
    const isLinear = (layer: number): boolean => (layer + 1) % 4 !== 0
    const layers = Array.from({ length: 32 }, (_, layer) => layer).filter(isLinear)
    const names = ['in_proj_qkvz', 'out_proj']
    const byLayer = layers.flatMap((layer) =>
      names.map((name) => `model.layers.${layer}.linear_attn.${name}`),
    )
    const [one, other] = [byLayer, ['re:.*linear_attn.*']].map((ignore) =>
      bytesPerWeight(read(hybrid, compressed([group(FP8, FP8)], { ignore })), 'fp8', 'attention'),
    )
    expect(one).toBeCloseTo(other!, 12)
    expect(one).toBeGreaterThan(1.3)
    expect(one).toBeLessThan(2)
  })

  test('expressions are read as Python does, by layer or for all', () => {
    const attention = (...ignore: string[]): number =>
      bytesPerWeight(read(llama8b, compressed([group(FP8, FP8)], { ignore })), 'fp8', 'attention')
    expect(attention('re:(?i).*SELF_ATTN.*')).toBe(2)
    expect(attention(String.raw`re:(?P<all>.*)self_attn\..*`)).toBe(2)
    expect(attention(String.raw`re:.*layers\.1\.self_attn.*`)).toBeCloseTo(1 + 1 / 32, 12)
    expect(attention('re:.*layers.1.self_attn.*')).toBeCloseTo(1 + 1 / 32, 12)
    expect(attention(String.raw`re:.*layers\.\d\.self_attn.*`)).toBeCloseTo(1 + 10 / 32, 12)
    expect(attention(String.raw`re:.*layers\.(1|2)\.self_attn.*`)).toBeCloseTo(1 + 2 / 32, 12)
    expect(attention(String.raw`re:.*layers\.1[0-3]?\.self_attn.*`)).toBeCloseTo(1 + 5 / 32, 12)
    expect(() => attention('re:(')).toThrow('expected regular expressions after re:, got "re:("')
  })
})

test('groups of compressed-tensors each have their own', () => {
  const groups = [group(FP8, FP8, 're:.*self_attn.*'), group(FP4, FP4, 'Linear')]
  for (const each of [groups, groups.toReversed()]) {
    const model = read(llama8b, compressed(each))
    expect(model.weights).toBe('fp4')
    const { attention, dense } = modelParameters(model)
    expect(weightBytes(model)).toBe(attention + 0.5625 * dense + 2 * 2 * 128256 * 4096)
    const [ofAttention, ofNetworks] = denseMatmuls(
      {
        ...h100,
        model,
        gpu: findGpu('b200'),
        precision: 'fp4',
        parallelism: { tp: 1, pp: 1, ep: 1 },
      },
      KERNEL_EFFICIENCIES.blackwell,
    )
    expect(ofAttention!.readMs / ofNetworks!.readMs).toBeCloseTo(attention / (0.5625 * dense), 9)
  }
})

test('a group of an unknown width is refused, whatever the others are', () => {
  const groups = [group(FP8, FP8, 're:.*self_attn.*'), group({ num_bits: 2, type: 'int' }, null)]
  expect(() => read(llama8b, compressed(groups))).toThrow('with weights of 4 or 8 bits')
})

test.each([
  [{ quant_method: 'gptq', bits: 8 }, (8 + 24 / 128) / 8],
  [{ quant_method: 'gptq', bits: 4, group_size: 32 }, (4 + 20 / 32) / 8],
  [{ quant_method: 'gptq', bits: 4, group_size: -1 }, 0.5],
  [{ quant_method: 'awq', w_bit: 4, q_group_size: 64 }, (4 + 20 / 64) / 8],
  [compressed([group({ num_bits: 8, type: 'int' }, null)]), 1],
  [compressed([group({ num_bits: 8, type: 'float' }, null)]), 1],
  [compressed([group({ num_bits: 4, type: 'int', group_size: 32 }, null)]), 0.5625],
  [compressed([group(FP4, null)]), 0.5625],
  [compressed([group({ num_bits: 4, type: 'float', group_size: 32 }, null)]), 0.53125],
  [{ quant_method: 'bitsandbytes', load_in_4bit: true }, 0.5625],
  [
    { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_use_double_quant: true },
    (4 + 8 / 64 + 32 / (64 * 256)) / 8,
  ],
])('weights alone of %j are computed in 16 bits, of %f bytes', (quantization_config, bytes) => {
  const model = read(llama8b, quantization_config)
  expect(bytesPerWeight(model, model.weights, 'attention')).toBeCloseTo(bytes, 12)
  const options = { ...h100, gpu: findGpu('b200'), parallelism: { tp: 1, pp: 1, ep: 1 } }
  const workOf = (each: Model): ReturnType<typeof denseMatmuls>[number] =>
    denseMatmuls(
      { ...options, model: each, precision: each.weights },
      KERNEL_EFFICIENCIES.blackwell,
    )[0]!
  const wide = modelFromHuggingFaceConfig(llama8b, 'm')
  expect(workOf(model).msPerRow).toBe(workOf(wide).msPerRow)
  expect(workOf(model).readMs).toBeCloseTo((workOf(wide).readMs * bytes) / 2, 9)
})

test.each([
  [compressed([group(FP8, FP8)]), undefined],
  [compressed([group(FP8, FP8)], { kv_cache_scheme: FP8 }), 'fp8'],
  [compressed([group(FP8, FP8)], { kv_cache_scheme: { num_bits: 8, type: 'int' } }), undefined],
  [{ quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8' }, 'fp8'],
  [{ quantization: { quant_algo: 'FP8', kv_cache_quant_algo: 'FP8' } }, 'fp8'],
  [{ quant_algo: 'FP8', kv_cache_quant_algo: null }, undefined],
])('the KV cache of %j is in %s', (quantization_config, kvCache) => {
  expect(checkpointOf(read(llama8b, quantization_config))?.kvCache).toBe(kvCache)
})
