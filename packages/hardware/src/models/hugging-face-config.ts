import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
import { WEIGHT_PRECISIONS, type WeightPrecision } from '../precision/precision.js'
import type { Experts, GroupedQueryAttention, LatentAttention, Model } from './model.js'

/** `model_type` of the configs that are read, and what sets each apart. */
const FAMILIES: Readonly<Record<string, { readonly ungated?: true; readonly mla?: true }>> = {
  llama: {},
  mistral: {},
  mixtral: {},
  qwen2: {},
  qwen2_moe: {},
  qwen3: {},
  qwen3_moe: {},
  phi3: {},
  gemma: {},
  gemma2: {},
  gemma3: {},
  gemma3_text: {},
  gpt_oss: {},
  minimax: {},
  minimax_m2: {},
  glm4: {},
  glm4_moe: {},
  starcoder2: { ungated: true },
  deepseek_v2: { mla: true },
  deepseek_v3: { mla: true },
  kimi_k2: { mla: true },
}

/** Weight precision by `quantization_config.quant_method`. */
const QUANT_METHODS: Readonly<Record<string, WeightPrecision>> = {
  fp8: 'fp8',
  fbgemm_fp8: 'fp8',
  mxfp4: 'mxfp4',
  awq: 'int4',
  gptq: 'int4',
}

/**
 * Reads the `config.json` that a model has on Hugging Face.
 * @param json - the parsed file
 * @param name - what to call the model, such as the name of its folder
 * @throws RouteSimError `model_config_invalid`, naming the field that is missing or wrong
 *
 * @example
 * modelFromHuggingFaceConfig(JSON.parse(await readFile('config.json', 'utf8')), 'my-model').layers
 */
export function modelFromHuggingFaceConfig(json: unknown, name: string): Model {
  if (!isTable(json)) throw invalid(name, `expected a JSON object, got ${JSON.stringify(json)}`)
  // Models that see pictures keep the language model's figures apart.
  const outer = new Fields(name, json)
  const inner = isTable(json['text_config']) ? new Fields(name, json['text_config']) : outer
  const type = inner.text('model_type')
  const family = FAMILIES[type]
  if (family === undefined) {
    throw invalid(
      name,
      `model_type: expected one of ${Object.keys(FAMILIES).join(', ')}, got "${type}"`,
    )
  }
  const layers = inner.count('num_hidden_layers')
  const experts = expertsOf(inner, type)
  const denseLayers = experts === undefined ? layers : denseLayersOf(inner, layers)
  return {
    name,
    aliases: [],
    layers,
    hiddenSize: inner.count('hidden_size'),
    attention: family.mla === undefined ? groupedQuery(inner, type, layers) : latent(inner),
    denseLayers,
    intermediateSize: denseLayers === 0 ? 0 : inner.count('intermediate_size'),
    feedForwardMatrices: family.ungated === undefined ? 3 : 2,
    ...(experts === undefined ? {} : { experts }),
    vocabSize: inner.count('vocab_size'),
    tiedEmbeddings: inner.flag('tie_word_embeddings') ?? type.startsWith('gemma'),
    weights: weightsOf(outer),
    source: `config.json of ${name}`,
  }
}

function groupedQuery(fields: Fields, type: string, layers: number): GroupedQueryAttention {
  const heads = fields.count('num_attention_heads')
  const window = windowOf(fields, type, layers)
  return {
    kind: 'gqa',
    heads,
    kvHeads: fields.optionalCount('num_key_value_heads') ?? heads,
    headDim: fields.optionalCount('head_dim') ?? fields.count('hidden_size') / heads,
    ...(window === undefined ? {} : { window }),
  }
}

function latent(fields: Fields): LatentAttention {
  return {
    kind: 'mla',
    heads: fields.count('num_attention_heads'),
    queryRank: fields.optionalCount('q_lora_rank') ?? 0,
    kvRank: fields.count('kv_lora_rank'),
    ropeDim: fields.count('qk_rope_head_dim'),
    nopeDim: fields.count('qk_nope_head_dim'),
    valueDim: fields.count('v_head_dim'),
  }
}

/** Layers with a window: as `layer_types` says, or the pattern of the family, or all of them. */
function windowOf(
  fields: Fields,
  type: string,
  layers: number,
): GroupedQueryAttention['window'] | undefined {
  const tokens = fields.optionalCount('sliding_window')
  if (tokens === undefined || fields.flag('use_sliding_window') === false) return undefined
  const types = fields.words('layer_types')
  const pattern = fields.optionalCount('sliding_window_pattern') ?? (type === 'gemma3_text' ? 6 : 2)
  const alternates = type === 'gpt_oss' || type.startsWith('gemma')
  const windowed =
    types?.filter((layer) => layer === 'sliding_attention').length ??
    (alternates ? layers - Math.floor(layers / pattern) : layers)
  return windowed === 0 ? undefined : { tokens, layers: windowed }
}

function expertsOf(fields: Fields, type: string): Experts | undefined {
  const count = fields.optionalCount('num_local_experts', 'num_experts', 'n_routed_experts')
  if (count === undefined) return undefined
  const ownWidth = fields.optionalCount('moe_intermediate_size')
  const intermediateSize = ownWidth ?? fields.count('intermediate_size')
  const shared = fields.optionalCount('n_shared_experts') ?? 0
  return {
    count,
    active: fields.count(
      type === 'gpt_oss' ? 'experts_per_token' : 'num_experts_per_tok',
      'num_experts_per_tok',
    ),
    intermediateSize,
    sharedIntermediateSize:
      fields.optionalCount('shared_expert_intermediate_size') ?? shared * intermediateSize,
  }
}

/** Leading dense layers, and those that a stride leaves out. */
function denseLayersOf(fields: Fields, layers: number): number {
  const leading = fields.optionalCount('first_k_dense_replace') ?? 0
  const stride = fields.optionalCount('decoder_sparse_step', 'moe_layer_freq') ?? 1
  return leading + (layers - leading - Math.floor((layers - leading) / stride))
}

function weightsOf(fields: Fields): WeightPrecision {
  const method = fields.table('quantization_config')?.['quant_method']
  if (method === undefined) return 'bf16'
  const known = QUANT_METHODS[String(method)]
  if (known !== undefined) return known
  throw invalid(
    fields.name,
    `quantization_config.quant_method: expected one of ${Object.keys(QUANT_METHODS).join(', ')}, got ${JSON.stringify(method)}; take it out and give the precision (${WEIGHT_PRECISIONS.join(', ')}) yourself`,
  )
}

/** Typed reading of a config, with errors that name the field. */
class Fields {
  readonly name: string
  private readonly values: Readonly<Record<string, unknown>>

  constructor(name: string, values: Readonly<Record<string, unknown>>) {
    this.name = name
    this.values = values
  }

  /** The first of several fields that is there; 0 and null count as absent. */
  optionalCount(...keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const value = this.values[key]
      if (value === undefined || value === null || value === 0) continue
      if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
      throw invalid(this.name, `${key}: expected an integer >= 1, got ${JSON.stringify(value)}`)
    }
    return undefined
  }

  count(...keys: readonly string[]): number {
    const value = this.optionalCount(...keys)
    if (value !== undefined) return value
    throw invalid(this.name, `missing field ${keys[0]}: expected an integer >= 1`)
  }

  text(key: string): string {
    const value = this.values[key]
    if (typeof value === 'string') return value
    throw invalid(this.name, `missing field ${key}: expected a string`)
  }

  flag(key: string): boolean | undefined {
    const value = this.values[key]
    return typeof value === 'boolean' ? value : undefined
  }

  words(key: string): readonly unknown[] | undefined {
    const value = this.values[key]
    return Array.isArray(value) ? value : undefined
  }

  table(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.values[key]
    return isTable(value) ? value : undefined
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(name: string, what: string): RouteSimError<HardwareErrorCode> {
  return new RouteSimError(`${name}: ${what}`, {
    code: 'model_config_invalid',
    path: name,
    hint: 'The file is the config.json beside the weights of a model on Hugging Face.',
  })
}
