import type { Experts, LatentAttention, Model } from './model.js'

const HF = 'https://huggingface.co'

/** What the mixtures of experts of the catalogue share. */
type MixtureRecord = Pick<
  Model,
  'name' | 'aliases' | 'layers' | 'hiddenSize' | 'attention' | 'linear' | 'vocabSize' | 'weights'
> & {
  /** Leading layers with a dense network, and its width. */
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

function gqa(heads: number, kvHeads: number, headDim: number): Model['attention'] {
  return { kind: 'gqa', heads, kvHeads, headDim }
}

const QWEN3_235B: MixtureRecord = {
  name: 'Qwen3-235B-A22B',
  aliases: ['Qwen3-235B-A22B-Instruct-2507', 'Qwen3-235B-A22B-Thinking-2507'],
  repository: 'Qwen/Qwen3-235B-A22B',
  layers: 94,
  hiddenSize: 4096,
  attention: gqa(64, 4, 128),
  vocabSize: 151936,
  weights: 'bf16',
  experts: { count: 128, active: 8, intermediateSize: 1536 },
}

/** Mixtures of Qwen3.5: three layers in four are linear, and attention is gated. */
function qwen35(
  record: Pick<MixtureRecord, 'name' | 'layers' | 'hiddenSize' | 'experts'> & {
    readonly heads: number
    readonly valueHeads: number
  },
): Model {
  const { heads, valueHeads, ...rest } = record
  return mixture({
    ...rest,
    aliases: [],
    repository: `Qwen/${record.name}`,
    vocabSize: 248320,
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
    'deepseek-ai/DeepSeek-R1',
    'deepseek-ai/DeepSeek-R1-0528',
  ],
  repository: 'deepseek-ai/DeepSeek-V3',
  layers: 61,
  hiddenSize: 7168,
  vocabSize: 129280,
  weights: 'fp8',
  attention: DEEPSEEK_ATTENTION,
  dense: { layers: 3, intermediateSize: 18432 },
  experts: { count: 256, active: 8, intermediateSize: 2048, sharedIntermediateSize: 2048 },
}

const KIMI_K2: MixtureRecord = {
  name: 'Kimi-K2',
  aliases: ['Kimi-K2-Instruct'],
  repository: 'moonshotai/Kimi-K2-Instruct',
  layers: 61,
  hiddenSize: 7168,
  vocabSize: 163840,
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

/** Mixtures of experts: each token visits a few of them. */
export const MIXTURE_MODELS: readonly Model[] = [
  mixture({
    name: 'Mixtral-8x7B',
    aliases: ['Mixtral-8x7B-Instruct-v0.1'],
    repository: 'mistralai/Mixtral-8x7B-v0.1',
    layers: 32,
    hiddenSize: 4096,
    attention: gqa(32, 8, 128),
    vocabSize: 32000,
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
    weights: 'bf16',
    experts: { count: 8, active: 2, intermediateSize: 16384 },
  }),
  mixture({
    name: 'Qwen3-30B-A3B',
    aliases: ['Qwen3-30B-A3B-Instruct-2507', 'Qwen/Qwen3-30B-A3B-Instruct-2507'],
    repository: 'Qwen/Qwen3-30B-A3B',
    layers: 48,
    hiddenSize: 2048,
    attention: gqa(32, 4, 128),
    vocabSize: 151936,
    weights: 'bf16',
    experts: { count: 128, active: 8, intermediateSize: 768 },
  }),
  mixture(QWEN3_235B),
  mixture({
    ...QWEN3_235B,
    name: 'Qwen3-235B-A22B-FP8',
    aliases: ['Qwen3-235B-A22B-Instruct-2507-FP8', 'Qwen3-235B-A22B-Thinking-2507-FP8'],
    repository: 'Qwen/Qwen3-235B-A22B-FP8',
    weights: 'fp8',
  }),
  qwen35({
    name: 'Qwen3.5-35B-A3B',
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
    aliases: ['MiniMax-M2.1', 'MiniMax-M2.5', 'MiniMax-M2.7', 'MiniMaxAI/MiniMax-M2.5'],
    repository: 'MiniMaxAI/MiniMax-M2',
    layers: 62,
    hiddenSize: 3072,
    attention: gqa(48, 8, 128),
    vocabSize: 200064,
    weights: 'fp8',
    experts: { count: 256, active: 8, intermediateSize: 1536 },
  }),
  mixture({
    name: 'DeepSeek-V2-Lite',
    aliases: ['DeepSeek-V2-Lite-Chat'],
    repository: 'deepseek-ai/DeepSeek-V2-Lite',
    layers: 27,
    hiddenSize: 2048,
    vocabSize: 102400,
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
  mixture(DEEPSEEK_V3),
  mixture({
    ...DEEPSEEK_V3,
    name: 'DeepSeek-V3.2',
    aliases: ['DeepSeek-V3.2-Exp'],
    repository: 'deepseek-ai/DeepSeek-V3.2',
    attention: { ...DEEPSEEK_ATTENTION, indexer: { tokens: 2048, heads: 64, headDim: 128 } },
  }),
  mixture({
    name: 'GLM-5',
    aliases: ['GLM-5.1'],
    repository: 'zai-org/GLM-5',
    layers: 78,
    hiddenSize: 6144,
    vocabSize: 154880,
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
  }),
  mixture(KIMI_K2),
  // The text model alone.
  mixture({
    ...KIMI_K2,
    name: 'Kimi-K2.5',
    aliases: [],
    repository: 'moonshotai/Kimi-K2.5',
    weights: 'int4_experts',
  }),
]
