import { WEIGHT_FORMATS } from '../precision/precision.js'
import type { Experts, LatentAttention, Model } from './model.js'
import { weightModules } from './weight-modules.js'

const HF = 'https://huggingface.co'

/** What the mixtures of experts of the catalogue share. */
type MixtureRecord = Pick<
  Model,
  | 'name'
  | 'aliases'
  | 'layers'
  | 'hiddenSize'
  | 'attention'
  | 'linear'
  | 'vocabSize'
  | 'maxPositions'
  | 'weights'
> & {
  /** Layers with a dense network, and its width. */
  readonly dense?: { readonly layers: number; readonly intermediateSize: number }
  readonly experts: Omit<Experts, 'sharedIntermediateSize'> & {
    readonly sharedIntermediateSize?: number
  }
  /** Repository on Hugging Face whose `config.json` has the figures. */
  readonly repository: string
}

function mixture(record: MixtureRecord): Model {
  const { dense, experts, repository, ...rest } = record
  return {
    ...rest,
    aliases: [...record.aliases, repository],
    denseLayers: dense?.layers ?? 0,
    intermediateSize: dense?.intermediateSize ?? 0,
    feedForwardMatrices: 3,
    experts: { sharedIntermediateSize: 0, ...experts },
    tiedEmbeddings: false,
    source: `${HF}/${repository}/blob/main/config.json`,
  }
}

/**
 * The checkpoints in NVFP4 that NVIDIA publishes of DeepSeek: of attention only the output projection is quantised, and
 * before v2 nothing (card of nvidia/DeepSeek-R1-0528-FP4-v2; NVIDIA/Model-Optimizer, issue 150).
 */
function withNvfp4(model: Model): Model {
  const modules = weightModules(model).filter(({ part }) => part === 'attention')
  const whole = modules.reduce((sum, { parameters, count }) => sum + count * parameters, 0)
  const output = modules.find(({ names }) => names.includes('self_attn.o_proj'))!
  const share = (output.count * output.parameters) / whole
  const attention = [
    { format: WEIGHT_FORMATS.bf16, share: 1 - share },
    { format: WEIGHT_FORMATS.fp4, share },
  ]
  return { ...model, checkpoints: { fp4: { parts: { attention } } } }
}

function gqa(heads: number, kvHeads: number, headDim: number): Model['attention'] {
  return { kind: 'gqa', heads, kvHeads, headDim }
}

/** The checkpoint in 8 bits that a maker publishes beside one in 16. */
function inFp8(record: MixtureRecord, aliases: readonly string[] = []): Model {
  return mixture({
    ...record,
    name: `${record.name}-FP8`,
    aliases,
    repository: `${record.repository}-FP8`,
    weights: 'fp8',
  })
}

/**
 * Of four layers three attend to the 8192 tokens of their chunk, up to their own. A window of as many is at least as
 * long, and twice that on average over a long context: an upper bound of what they compute and keep.
 */
const LLAMA_4_ATTENTION: Model['attention'] = {
  kind: 'gqa',
  heads: 40,
  kvHeads: 8,
  headDim: 128,
  window: { tokens: 8192, layers: 36 },
}

const QWEN3_30B: MixtureRecord = {
  name: 'Qwen3-30B-A3B',
  aliases: ['Qwen3-30B-A3B-Instruct-2507', 'Qwen3-30B-A3B-Thinking-2507', 'Qwen3-Coder-30B-A3B'],
  repository: 'Qwen/Qwen3-30B-A3B',
  layers: 48,
  hiddenSize: 2048,
  attention: gqa(32, 4, 128),
  vocabSize: 151936,
  maxPositions: 262_144,
  weights: 'bf16',
  experts: { count: 128, active: 8, intermediateSize: 768 },
}

/** The text model of Qwen3-VL is the same. */
const QWEN3_235B: MixtureRecord = {
  name: 'Qwen3-235B-A22B',
  aliases: [
    'Qwen3-235B-A22B-Instruct-2507',
    'Qwen3-235B-A22B-Thinking-2507',
    'Qwen3-VL-235B-A22B',
    'Qwen3-VL-235B-A22B-Thinking',
  ],
  repository: 'Qwen/Qwen3-235B-A22B',
  layers: 94,
  hiddenSize: 4096,
  attention: gqa(64, 4, 128),
  vocabSize: 151936,
  maxPositions: 262_144,
  weights: 'bf16',
  experts: { count: 128, active: 8, intermediateSize: 1536 },
}

const QWEN3_CODER_480B: MixtureRecord = {
  name: 'Qwen3-Coder-480B-A35B',
  aliases: [],
  repository: 'Qwen/Qwen3-Coder-480B-A35B-Instruct',
  layers: 62,
  hiddenSize: 6144,
  attention: gqa(96, 8, 128),
  vocabSize: 151936,
  maxPositions: 262_144,
  weights: 'bf16',
  experts: { count: 160, active: 8, intermediateSize: 2560 },
}

const QWEN3_NEXT: MixtureRecord = {
  name: 'Qwen3-Next-80B-A3B',
  aliases: ['Qwen3-Next-80B-A3B-Thinking'],
  repository: 'Qwen/Qwen3-Next-80B-A3B-Instruct',
  layers: 48,
  hiddenSize: 2048,
  attention: { kind: 'gqa', heads: 16, kvHeads: 2, headDim: 256, isGated: true },
  linear: {
    layers: 36,
    keyHeads: 16,
    valueHeads: 32,
    keyDim: 128,
    valueDim: 128,
    convolutionTokens: 4,
    stateBytes: 4,
  },
  vocabSize: 151936,
  maxPositions: 262_144,
  weights: 'bf16',
  experts: { count: 512, active: 10, intermediateSize: 512, sharedIntermediateSize: 512 },
}

/** Mixtures of Qwen3.5: three layers in four are linear, and attention is gated. */
function qwen35(
  record: Pick<MixtureRecord, 'name' | 'layers' | 'hiddenSize' | 'experts'> & {
    readonly aliases?: readonly string[]
    readonly heads: number
    readonly valueHeads: number
  },
): Model {
  const { heads, valueHeads, aliases = [], ...rest } = record
  return mixture({
    ...rest,
    aliases,
    repository: `Qwen/${record.name}`,
    vocabSize: 248320,
    maxPositions: 262_144,
    weights: 'bf16',
    attention: { kind: 'gqa', heads, kvHeads: 2, headDim: 256, isGated: true },
    linear: {
      layers: (record.layers * 3) / 4,
      keyHeads: 16,
      valueHeads,
      keyDim: 128,
      valueDim: 128,
      convolutionTokens: 4,
      stateBytes: 4,
    },
  })
}

const DEEPSEEK_ATTENTION: LatentAttention = {
  kind: 'mla',
  heads: 128,
  queryRank: 1536,
  kvRank: 512,
  ropeDim: 64,
  nopeDim: 128,
  valueDim: 128,
}

const DEEPSEEK_V3: MixtureRecord = {
  name: 'DeepSeek-V3',
  aliases: [
    'DeepSeek-V3-0324',
    'DeepSeek-V3.1',
    'DeepSeek-R1',
    'DeepSeek-R1-0528',
    'DeepSeek-V3.1-Terminus',
  ],
  repository: 'deepseek-ai/DeepSeek-V3',
  layers: 61,
  hiddenSize: 7168,
  vocabSize: 129280,
  maxPositions: 163_840,
  weights: 'fp8',
  attention: DEEPSEEK_ATTENTION,
  dense: { layers: 3, intermediateSize: 18432 },
  experts: { count: 256, active: 8, intermediateSize: 2048, sharedIntermediateSize: 2048 },
}

const GLM_4_5: MixtureRecord = {
  name: 'GLM-4.5',
  aliases: ['GLM-4.6', 'GLM-4.7'],
  repository: 'zai-org/GLM-4.5',
  layers: 92,
  hiddenSize: 5120,
  attention: gqa(96, 8, 128),
  vocabSize: 151552,
  maxPositions: 202_752,
  weights: 'bf16',
  dense: { layers: 3, intermediateSize: 12288 },
  experts: { count: 160, active: 8, intermediateSize: 1536, sharedIntermediateSize: 1536 },
}

const GLM_4_5_AIR: MixtureRecord = {
  name: 'GLM-4.5-Air',
  aliases: [],
  repository: 'zai-org/GLM-4.5-Air',
  layers: 46,
  hiddenSize: 4096,
  attention: gqa(96, 8, 128),
  vocabSize: 151552,
  maxPositions: 131_072,
  weights: 'bf16',
  dense: { layers: 1, intermediateSize: 10944 },
  experts: { count: 128, active: 8, intermediateSize: 1408, sharedIntermediateSize: 1408 },
}

const GLM_5: MixtureRecord = {
  name: 'GLM-5',
  aliases: ['GLM-5.1'],
  repository: 'zai-org/GLM-5',
  layers: 78,
  hiddenSize: 6144,
  vocabSize: 154880,
  maxPositions: 202_752,
  weights: 'bf16',
  attention: {
    kind: 'mla',
    heads: 64,
    queryRank: 2048,
    kvRank: 512,
    ropeDim: 64,
    nopeDim: 192,
    valueDim: 256,
    indexer: { tokens: 2048, heads: 32, headDim: 128 },
  },
  dense: { layers: 3, intermediateSize: 12288 },
  experts: { count: 256, active: 8, intermediateSize: 2048, sharedIntermediateSize: 2048 },
}

const KIMI_K2: MixtureRecord = {
  name: 'Kimi-K2',
  aliases: ['Kimi-K2-Instruct-0905'],
  repository: 'moonshotai/Kimi-K2-Instruct',
  layers: 61,
  hiddenSize: 7168,
  vocabSize: 163840,
  maxPositions: 262_144,
  weights: 'fp8',
  attention: {
    kind: 'mla',
    heads: 64,
    queryRank: 1536,
    kvRank: 512,
    ropeDim: 64,
    nopeDim: 128,
    valueDim: 128,
  },
  dense: { layers: 1, intermediateSize: 18432 },
  experts: { count: 384, active: 8, intermediateSize: 2048, sharedIntermediateSize: 2048 },
}

/** Mixtures of experts: each token visits a few of them. One list, to be looked through, however long. */
export const MIXTURE_MODELS: readonly Model[] = [
  mixture({
    name: 'Mixtral-8x7B',
    aliases: ['Mixtral-8x7B-Instruct-v0.1'],
    repository: 'mistralai/Mixtral-8x7B-v0.1',
    layers: 32,
    hiddenSize: 4096,
    attention: gqa(32, 8, 128),
    vocabSize: 32000,
    maxPositions: 32768,
    weights: 'bf16',
    experts: { count: 8, active: 2, intermediateSize: 14336 },
  }),
  mixture({
    name: 'Mixtral-8x22B',
    aliases: ['Mixtral-8x22B-Instruct-v0.1'],
    repository: 'mistralai/Mixtral-8x22B-v0.1',
    layers: 56,
    hiddenSize: 6144,
    attention: gqa(48, 8, 128),
    vocabSize: 32000,
    maxPositions: 65536,
    weights: 'bf16',
    experts: { count: 8, active: 2, intermediateSize: 16384 },
  }),
  // The text models alone.
  mixture({
    name: 'Llama-4-Scout',
    aliases: ['Llama-4-Scout-17B-16E'],
    repository: 'meta-llama/Llama-4-Scout-17B-16E',
    layers: 48,
    hiddenSize: 5120,
    attention: LLAMA_4_ATTENTION,
    vocabSize: 202048,
    maxPositions: 10_485_760,
    weights: 'bf16',
    experts: { count: 16, active: 1, intermediateSize: 8192, sharedIntermediateSize: 8192 },
  }),
  // Every second layer has experts.
  mixture({
    name: 'Llama-4-Maverick',
    aliases: ['Llama-4-Maverick-17B-128E'],
    repository: 'meta-llama/Llama-4-Maverick-17B-128E',
    layers: 48,
    hiddenSize: 5120,
    attention: LLAMA_4_ATTENTION,
    vocabSize: 202048,
    maxPositions: 1_048_576,
    weights: 'bf16',
    dense: { layers: 24, intermediateSize: 16384 },
    experts: { count: 128, active: 1, intermediateSize: 8192, sharedIntermediateSize: 8192 },
  }),
  mixture(QWEN3_30B),
  inFp8(QWEN3_30B, [
    'Qwen3-30B-A3B-Instruct-2507-FP8',
    'Qwen3-30B-A3B-Thinking-2507-FP8',
    'Qwen3-Coder-30B-A3B-Instruct-FP8',
    'Qwen/Qwen3-30B-A3B-Instruct-2507-FP8',
    'Qwen/Qwen3-30B-A3B-Thinking-2507-FP8',
    'Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8',
  ]),
  mixture(QWEN3_235B),
  inFp8(QWEN3_235B, [
    'Qwen3-235B-A22B-Instruct-2507-FP8',
    'Qwen3-235B-A22B-Thinking-2507-FP8',
    'Qwen3-VL-235B-A22B-Instruct-FP8',
    'Qwen3-VL-235B-A22B-Thinking-FP8',
    'Qwen/Qwen3-235B-A22B-Instruct-2507-FP8',
    'Qwen/Qwen3-235B-A22B-Thinking-2507-FP8',
    'Qwen/Qwen3-VL-235B-A22B-Instruct-FP8',
    'Qwen/Qwen3-VL-235B-A22B-Thinking-FP8',
  ]),
  mixture(QWEN3_CODER_480B),
  inFp8(QWEN3_CODER_480B, ['Qwen3-Coder-480B-A35B-Instruct-FP8']),
  mixture(QWEN3_NEXT),
  inFp8(QWEN3_NEXT, [
    'Qwen3-Next-80B-A3B-Instruct-FP8',
    'Qwen3-Next-80B-A3B-Thinking-FP8',
    'Qwen/Qwen3-Next-80B-A3B-Thinking-FP8',
  ]),
  qwen35({
    name: 'Qwen3.5-35B-A3B',
    aliases: ['Qwen3.6-35B-A3B'],
    layers: 40,
    hiddenSize: 2048,
    heads: 16,
    valueHeads: 32,
    experts: { count: 256, active: 8, intermediateSize: 512, sharedIntermediateSize: 512 },
  }),
  qwen35({
    name: 'Qwen3.5-122B-A10B',
    layers: 48,
    hiddenSize: 3072,
    heads: 32,
    valueHeads: 64,
    experts: { count: 256, active: 8, intermediateSize: 1024, sharedIntermediateSize: 1024 },
  }),
  qwen35({
    name: 'Qwen3.5-397B-A17B',
    layers: 60,
    hiddenSize: 4096,
    heads: 32,
    valueHeads: 64,
    experts: { count: 512, active: 10, intermediateSize: 1024, sharedIntermediateSize: 1024 },
  }),
  // Every second layer sees the last 128 tokens only.
  mixture({
    name: 'gpt-oss-20b',
    aliases: [],
    repository: 'openai/gpt-oss-20b',
    layers: 24,
    hiddenSize: 2880,
    vocabSize: 201088,
    maxPositions: 131_072,
    weights: 'mxfp4',
    attention: {
      kind: 'gqa',
      heads: 64,
      kvHeads: 8,
      headDim: 64,
      window: { tokens: 128, layers: 12 },
    },
    experts: { count: 32, active: 4, intermediateSize: 2880 },
  }),
  mixture({
    name: 'gpt-oss-120b',
    aliases: [],
    repository: 'openai/gpt-oss-120b',
    layers: 36,
    hiddenSize: 2880,
    vocabSize: 201088,
    maxPositions: 131_072,
    weights: 'mxfp4',
    attention: {
      kind: 'gqa',
      heads: 64,
      kvHeads: 8,
      headDim: 64,
      window: { tokens: 128, layers: 18 },
    },
    experts: { count: 128, active: 4, intermediateSize: 2880 },
  }),
  mixture({
    name: 'MiniMax-M2',
    aliases: ['MiniMax-M2.1', 'MiniMax-M2.5', 'MiniMax-M2.7'],
    repository: 'MiniMaxAI/MiniMax-M2',
    layers: 62,
    hiddenSize: 3072,
    attention: gqa(48, 8, 128),
    vocabSize: 200064,
    maxPositions: 196_608,
    weights: 'fp8',
    experts: { count: 256, active: 8, intermediateSize: 1536 },
  }),
  mixture({
    name: 'DeepSeek-V2-Lite',
    aliases: [],
    repository: 'deepseek-ai/DeepSeek-V2-Lite',
    layers: 27,
    hiddenSize: 2048,
    vocabSize: 102400,
    maxPositions: 163_840,
    weights: 'bf16',
    attention: {
      kind: 'mla',
      heads: 16,
      queryRank: 0,
      kvRank: 512,
      ropeDim: 64,
      nopeDim: 128,
      valueDim: 128,
    },
    dense: { layers: 1, intermediateSize: 10944 },
    experts: { count: 64, active: 6, intermediateSize: 1408, sharedIntermediateSize: 2 * 1408 },
  }),
  mixture({
    name: 'DeepSeek-V2',
    aliases: ['DeepSeek-V2.5'],
    repository: 'deepseek-ai/DeepSeek-V2',
    layers: 60,
    hiddenSize: 5120,
    vocabSize: 102400,
    maxPositions: 163_840,
    weights: 'bf16',
    attention: DEEPSEEK_ATTENTION,
    dense: { layers: 1, intermediateSize: 12288 },
    experts: { count: 160, active: 6, intermediateSize: 1536, sharedIntermediateSize: 2 * 1536 },
  }),
  withNvfp4(mixture(DEEPSEEK_V3)),
  mixture({
    ...DEEPSEEK_V3,
    name: 'DeepSeek-V3.2',
    aliases: ['DeepSeek-V3.2-Exp', 'DeepSeek-V3.2-Speciale'],
    repository: 'deepseek-ai/DeepSeek-V3.2',
    attention: { ...DEEPSEEK_ATTENTION, indexer: { tokens: 2048, heads: 64, headDim: 128 } },
  }),
  mixture(GLM_4_5),
  inFp8(GLM_4_5, ['GLM-4.6-FP8', 'GLM-4.7-FP8']),
  mixture(GLM_4_5_AIR),
  inFp8(GLM_4_5_AIR),
  mixture({
    name: 'GLM-4.7-Flash',
    aliases: [],
    repository: 'zai-org/GLM-4.7-Flash',
    layers: 47,
    hiddenSize: 2048,
    vocabSize: 154880,
    maxPositions: 202_752,
    weights: 'bf16',
    attention: {
      kind: 'mla',
      heads: 20,
      queryRank: 768,
      kvRank: 512,
      ropeDim: 64,
      nopeDim: 192,
      valueDim: 256,
    },
    dense: { layers: 1, intermediateSize: 10240 },
    experts: { count: 64, active: 4, intermediateSize: 1536, sharedIntermediateSize: 1536 },
  }),
  mixture(GLM_5),
  inFp8(GLM_5, ['GLM-5.1-FP8', 'zai-org/GLM-5.1-FP8']),
  mixture(KIMI_K2),
  mixture({
    ...KIMI_K2,
    name: 'Kimi-K2-Thinking',
    aliases: [],
    repository: 'moonshotai/Kimi-K2-Thinking',
    weights: 'int4_experts',
  }),
  // The text model alone.
  mixture({
    ...KIMI_K2,
    name: 'Kimi-K2.5',
    aliases: [],
    repository: 'moonshotai/Kimi-K2.5',
    weights: 'int4_experts',
  }),
]
