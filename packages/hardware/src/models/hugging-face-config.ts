import { WEIGHT_PRECISIONS } from '../precision/precision.js'
import { Fields, invalid, isTable } from './config-fields.js'
import type {
  Experts,
  GroupedQueryAttention,
  LatentAttention,
  LinearAttention,
  Model,
  TokenIndexer,
} from './model.js'
import { UnreadablePattern } from './module-patterns.js'
import { QUANT_METHODS, quantizedModel, shownQuantization } from './quantization-config.js'

/** What sets a family of models apart. */
interface Family {
  readonly ungated?: true
  readonly mla?: true
  /** Has layers of Gated DeltaNet, and gates on the others. */
  readonly linear?: true
  /** Output projection and embedding are one unless the file says otherwise. */
  readonly tied?: true
  /** Most layers attend in chunks, and layers with experts may alternate with others (Llama 4). */
  readonly chunked?: true
  /** What published files leave out, as `transformers` has it. */
  readonly defaults?: Readonly<Record<string, number>>
}

/** Defaults of `Gemma3TextConfig` in transformers 4.50, which files of Gemma 3 rely on. */
const GEMMA3: Family = {
  tied: true,
  defaults: {
    vocab_size: 262_208,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    sliding_window: 4096,
    max_position_embeddings: 131_072,
  },
}

/** Defaults of `Qwen3MoeConfig`, `Qwen2Config` and `Qwen2MoeConfig` in transformers 5, for files that turn windows on. */
const QWEN3_MOE: Family = { defaults: { sliding_window: 4096 } }
const QWEN: Family = { defaults: { ...QWEN3_MOE.defaults, max_window_layers: 28 } }

/** Defaults of `Qwen3NextConfig`, `Qwen3_5TextConfig` and `Qwen3_5MoeTextConfig` in transformers 5. */
const QWEN_LINEAR: Family = {
  linear: true,
  defaults: {
    head_dim: 256,
    linear_conv_kernel_dim: 4,
    linear_key_head_dim: 128,
    linear_value_head_dim: 128,
    linear_num_key_heads: 16,
    linear_num_value_heads: 32,
    full_attention_interval: 4,
  },
}

/** Defaults of `Llama4TextConfig` in transformers 5, and the one shared expert that files do not count. */
const LLAMA4: Family = {
  chunked: true,
  defaults: {
    attention_chunk_size: 8192,
    interleave_moe_layer_step: 1,
    n_shared_experts: 1,
    no_rope_layer_interval: 4,
    num_experts_per_tok: 1,
  },
}

/** `model_type` of the configs that are read. */
const FAMILIES: Readonly<Record<string, Family>> = {
  llama: {},
  llama4: LLAMA4,
  llama4_text: LLAMA4,
  mistral: { defaults: { num_key_value_heads: 8, sliding_window: 4096 } },
  ministral3: { defaults: { num_key_value_heads: 8 } },
  mixtral: { defaults: { num_key_value_heads: 8 } },
  qwen2: QWEN,
  qwen2_moe: QWEN,
  qwen3: QWEN,
  qwen3_moe: QWEN3_MOE,
  qwen3_vl_text: QWEN,
  qwen3_vl_moe_text: QWEN3_MOE,
  qwen3_next: QWEN_LINEAR,
  qwen3_5_text: QWEN_LINEAR,
  qwen3_5_moe_text: QWEN_LINEAR,
  phi3: {},
  gemma: { tied: true },
  gemma2: { tied: true },
  gemma3: GEMMA3,
  gemma3_text: GEMMA3,
  gpt_oss: {},
  minimax_m2: {},
  glm4: {},
  glm4_moe: {},
  glm4_moe_lite: { mla: true },
  seed_oss: {},
  starcoder2: { ungated: true, tied: true },
  deepseek_v2: { mla: true },
  deepseek_v3: { mla: true },
  deepseek_v32: { mla: true },
  glm_moe_dsa: { mla: true },
  kimi_k2: { mla: true },
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
  const text = isTable(json['text_config']) ? json['text_config'] : json
  const type = new Fields(name, text).text('model_type')
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined
  if (family === undefined) {
    throw invalid(
      name,
      `model_type: expected one of ${Object.keys(FAMILIES).join(', ')}, got "${type}"`,
    )
  }
  const inner = new Fields(name, { ...family.defaults, ...text })
  const layers = inner.count('num_hidden_layers')
  const mixture = expertsOf(inner, type)
  const dense = mixture === undefined ? undefined : denseLayersOf(inner, layers)
  const denseLayers = dense?.length ?? layers
  const experts = denseLayers === layers ? undefined : mixture
  const linear = family.linear === undefined ? undefined : linearOf(inner, layers)
  const model: Model = {
    name,
    aliases: [],
    layers,
    hiddenSize: inner.count('hidden_size'),
    attention: family.mla === undefined ? groupedQuery(inner, type, layers, family) : latent(inner),
    ...(linear === undefined ? {} : { linear }),
    denseLayers,
    intermediateSize: denseLayers === 0 ? 0 : denseWidth(inner),
    feedForwardMatrices: family.ungated === undefined ? 3 : 2,
    ...(experts === undefined ? {} : { experts }),
    vocabSize: inner.count('vocab_size'),
    ...positionsOf(inner, type),
    tiedEmbeddings:
      inner.flag('tie_word_embeddings') ??
      outer.flag('tie_word_embeddings') ??
      family.tied === true,
    weights: 'bf16',
    source: `config.json of ${name}`,
  }
  return withWeights(model, dense, outer, inner)
}

/** Scalings after which `max_position_embeddings` has been scaled already, as vLLM has it (`_get_and_verify_max_len`). */
const COUNTED = ['su', 'longrope', 'llama3']

/** Longest context, as scalings of the rotary embedding extend it. */
function positionsOf(fields: Fields, type: string): { maxPositions?: number } {
  const given = fields.optionalCount('max_position_embeddings')
  if (given === undefined) return {}
  const rope = fields.table('rope_scaling') ?? fields.table('rope_parameters')
  const kind = rope?.['rope_type'] ?? rope?.['type']
  const factor = Number(rope?.['factor'])
  if (!(factor > 0) || COUNTED.includes(kind as string) || type.startsWith('gemma3'))
    return { maxPositions: given }
  const original = Number(rope?.['original_max_position_embeddings'])
  const scaled = kind === 'yarn' && original > 0 ? original : given
  return { maxPositions: Math.floor(scaled * factor) }
}

/** Llama 4 has its experts' width where others have this. */
function denseWidth(fields: Fields): number {
  return fields.optionalCount('intermediate_size_mlp') ?? fields.count('intermediate_size')
}

function groupedQuery(
  fields: Fields,
  type: string,
  layers: number,
  family: Family,
): GroupedQueryAttention {
  const heads = fields.count('num_attention_heads')
  const kvHeads = fields.optionalCount('num_key_value_heads') ?? heads
  if (heads % kvHeads !== 0) {
    throw invalid(
      fields.name,
      `num_key_value_heads: expected a divisor of the ${heads} heads, got ${kvHeads}`,
    )
  }
  const headDim = fields.optionalCount('head_dim') ?? fields.count('hidden_size') / heads
  if (!Number.isInteger(headDim)) {
    throw invalid(
      fields.name,
      `missing field head_dim: hidden_size ${fields.count('hidden_size')} is no multiple of ${heads} heads`,
    )
  }
  const common = { kind: 'gqa', heads, kvHeads, headDim } as const
  if (family.linear !== undefined) {
    return (fields.flag('attn_output_gate') ?? true) ? { ...common, isGated: true } : common
  }
  const window =
    family.chunked === undefined ? windowOf(fields, type, layers) : chunksOf(fields, layers)
  return window === undefined ? common : { ...common, window }
}

/** Layers without attention: as `layer_types` says, or all but each n-th; undefined when there are none. */
function linearOf(fields: Fields, layers: number): LinearAttention | undefined {
  const types = layersOf(fields, 'layer_types', layers, ['full_attention', 'linear_attention'])
  const count =
    types?.filter((type) => type === 'linear_attention').length ??
    layers - Math.floor(layers / fields.count('full_attention_interval'))
  if (count === 0) return undefined
  if (count === layers)
    throw invalid(fields.name, `expected some of the ${layers} layers to attend, got none`)
  return {
    layers: count,
    keyHeads: fields.count('linear_num_key_heads'),
    valueHeads: fields.count('linear_num_value_heads'),
    keyDim: fields.count('linear_key_head_dim'),
    valueDim: fields.count('linear_value_head_dim'),
    convolutionTokens: fields.count('linear_conv_kernel_dim'),
    stateBytes: fields.optionalText('mamba_ssm_dtype') === 'bfloat16' ? 2 : 4,
  }
}

/**
 * A list with a word for each layer.
 * @throws RouteSimError `model_config_invalid` when it has more or fewer, or others than those known
 */
function layersOf(
  fields: Fields,
  key: string,
  layers: number,
  known: readonly string[],
): readonly unknown[] | undefined {
  const types = fields.words(key)
  const other = types?.find((kind) => !known.includes(kind as string))
  if (other !== undefined) {
    throw invalid(
      fields.name,
      `${key}: expected ${known.join(' and ')}, got ${JSON.stringify(other)}: only such layers are simulated`,
    )
  }
  if (types !== undefined && types.length !== layers)
    throw invalid(fields.name, `${key}: expected ${layers} layers, got ${types.length}`)
  return types
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
    ...indexerOf(fields),
  }
}

function indexerOf(fields: Fields): { indexer?: TokenIndexer } {
  const tokens = fields.optionalCount('index_topk')
  if (tokens === undefined) return {}
  const every = fields.optionalCount('index_topk_freq') ?? 1
  if (every > 1) {
    throw invalid(
      fields.name,
      `index_topk_freq: expected 1, an indexer in each layer, got ${every}: layers that share one are not simulated`,
    )
  }
  const heads = fields.count('index_n_heads')
  return { indexer: { tokens, heads, headDim: fields.count('index_head_dim') } }
}

/** Attention to the chunk of a token, as a window: in layers with a rotary embedding, three in four. */
function chunksOf(fields: Fields, layers: number): GroupedQueryAttention['window'] | undefined {
  const types = layersOf(fields, 'layer_types', layers, ['full_attention', 'chunked_attention'])
  const tokens = fields.optionalCount('attention_chunk_size')
  if (tokens === undefined) return undefined
  const rotary = fields.words('no_rope_layers') ?? []
  const chunked =
    types?.filter((type) => type === 'chunked_attention').length ??
    (rotary.length === 0
      ? layers - Math.floor(layers / fields.count('no_rope_layer_interval'))
      : rotary.filter((isRotary) => isRotary === 1).length)
  return chunked === 0 ? undefined : { tokens, layers: chunked }
}

/**
 * Layers with a window: as `layer_types` says, or the rule of the family, or all of them. A window as long as the
 * longest context, as files of Phi have it, is none.
 */
function windowOf(
  fields: Fields,
  type: string,
  layers: number,
): GroupedQueryAttention['window'] | undefined {
  const types = layersOf(fields, 'layer_types', layers, ['full_attention', 'sliding_attention'])
  const isQwen = type.startsWith('qwen')
  const isOn = fields.flag('use_sliding_window') ?? !isQwen
  const tokens = fields.optionalCount('sliding_window')
  if (tokens === undefined || !isOn) return undefined
  if (tokens >= (fields.optionalCount('max_position_embeddings') ?? Number.POSITIVE_INFINITY))
    return undefined
  const windowed =
    types?.filter((layer) => layer === 'sliding_attention').length ??
    windowedByRule(fields, type, layers)
  return windowed === 0 ? undefined : { tokens, layers: windowed }
}

/** Layers with a window by the rule of the family. */
function windowedByRule(fields: Fields, type: string, layers: number): number {
  const border = fields.optionalCount('max_window_layers') ?? 0
  // Every second one up to the border has a window; in the other families of Qwen all from the border on.
  if (type === 'qwen2_moe') return Math.ceil(Math.min(layers, border) / 2)
  if (type === 'qwen2' || type === 'qwen3') return Math.max(0, layers - border)
  const pattern =
    fields.optionalCount('sliding_window_pattern') ?? (type.startsWith('gemma3') ? 6 : 2)
  const alternates = type === 'gpt_oss' || type.startsWith('gemma')
  return alternates ? layers - Math.floor(layers / pattern) : layers
}

function expertsOf(fields: Fields, type: string): Experts | undefined {
  const count = fields.optionalCount('num_local_experts', 'num_experts', 'n_routed_experts')
  if (count === undefined) return undefined
  const ownWidth = fields.optionalCount('moe_intermediate_size')
  const intermediateSize = ownWidth ?? fields.count('intermediate_size')
  const shared = fields.optionalCount('n_shared_experts') ?? 0
  const active = fields.count(
    type === 'gpt_oss' ? 'experts_per_token' : 'num_experts_per_tok',
    'num_experts_per_tok',
  )
  if (active > count) {
    throw invalid(
      fields.name,
      `num_experts_per_tok: expected at most the ${count} experts, got ${active}`,
    )
  }
  return {
    count,
    active,
    intermediateSize,
    sharedIntermediateSize:
      fields.optionalCount('shared_expert_intermediate_size') ?? shared * intermediateSize,
  }
}

/**
 * Layers without experts: as `mlp_layer_types` or `moe_layers` says, or leading ones, those that a list names, and those
 * between two of a stride.
 */
function denseLayersOf(fields: Fields, layers: number): number[] {
  const all = Array.from({ length: layers }, (_, layer) => layer)
  const kinds = layersOf(fields, 'mlp_layer_types', layers, ['dense', 'sparse'])
  if (kinds !== undefined) return all.filter((layer) => kinds[layer] === 'dense')
  const sparse = fields.words('moe_layers')
  if (sparse !== undefined) return all.filter((layer) => !sparse.includes(layer))
  const leading = fields.optionalCount('first_k_dense_replace') ?? 0
  const named = fields.words('mlp_only_layers') ?? []
  // Qwen and Llama 4 have experts in every n-th layer; DeepSeek in the first and each n-th after it.
  const step = fields.optionalCount('decoder_sparse_step', 'interleave_moe_layer_step') ?? 1
  const stride = fields.optionalCount('moe_layer_freq') ?? 1
  const hasExperts = (layer: number): boolean =>
    layer >= leading && !named.includes(layer) && (layer + 1) % step === 0 && layer % stride === 0
  return all.filter((layer) => !hasExperts(layer))
}

/** Where files say how their weights are quantised; older ones of compressed-tensors in the second. */
const QUANTIZATION_KEYS = ['quantization_config', 'compression_config'] as const

/** @throws RouteSimError `model_config_invalid` that names the key whose list can not be read */
function named<Result>(name: string, key: string, read: () => Result): Result {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof UnreadablePattern ? invalid(name, `${key}: ${cause.message}`) : cause
  }
}

function withWeights(
  model: Model,
  dense: readonly number[] | undefined,
  outer: Fields,
  inner: Fields,
): Model {
  for (const key of QUANTIZATION_KEYS) {
    const config = outer.table(key) ?? inner.table(key)
    if (config === undefined) continue
    const quantized = named(outer.name, key, () => quantizedModel(model, config, dense))
    if (quantized !== undefined) return quantized
    throw invalid(
      outer.name,
      `${key}: expected a quant_method of ${QUANT_METHODS.join(', ')} with weights of 4 or 8 bits, got ${shownQuantization(config)}; take it out and give the precision (${WEIGHT_PRECISIONS.join(', ')}) yourself`,
    )
  }
  return model
}
