import {
  BYTES_PER_KV_ELEMENT,
  type KvPrecision,
  WEIGHT_FORMATS,
  type WeightPrecision,
} from '../precision/precision.js'
import type { LatentAttention, LinearAttention, Model, TokenIndexer } from './model.js'
import { bytesPerWeight } from './weight-formats.js'

/** Parameters of a model by what reads them; norms and biases, below 0.1 %, are left out. */
export interface ModelParameters {
  /** Projections of the attention, all layers. */
  readonly attention: number
  /** Dense feed-forward networks, shared experts and the routers of mixtures, all layers. */
  readonly dense: number
  /** One expert in one layer. */
  readonly expert: number
  /** Every expert of every layer. */
  readonly experts: number
  /** Input embedding, of which a step reads one row per token. */
  readonly embedding: number
  /** Output projection, whether or not it shares its weights with the embedding. */
  readonly head: number
}

/** Parameters of a model by part. */
export function modelParameters(model: Model): ModelParameters {
  const { hiddenSize, layers, denseLayers, experts, feedForwardMatrices } = model
  const moeLayers = layers - denseLayers
  const expert =
    experts === undefined ? 0 : feedForwardMatrices * hiddenSize * experts.intermediateSize
  const dense = denseLayers * feedForwardMatrices * hiddenSize * model.intermediateSize
  const always =
    experts === undefined
      ? 0
      : moeLayers *
        (feedForwardMatrices * hiddenSize * experts.sharedIntermediateSize +
          hiddenSize * experts.count)
  return {
    attention:
      attentionLayers(model) * attentionParametersPerLayer(model) + linearParameters(model),
    dense: dense + always,
    expert,
    experts: moeLayers * (experts?.count ?? 0) * expert,
    embedding: model.vocabSize * hiddenSize,
    head: model.vocabSize * hiddenSize,
  }
}

function attentionParametersPerLayer({ attention, hiddenSize }: Model): number {
  const { heads } = attention
  if (attention.kind === 'gqa') {
    const gates = attention.isGated === true ? heads : 0
    return hiddenSize * attention.headDim * (2 * heads + gates + 2 * attention.kvHeads)
  }
  const { queryRank, kvRank, ropeDim, nopeDim, valueDim } = attention
  const keyDim = nopeDim + ropeDim
  const query =
    queryRank === 0
      ? hiddenSize * heads * keyDim
      : hiddenSize * queryRank + queryRank * heads * keyDim
  const keyValue = hiddenSize * (kvRank + ropeDim) + kvRank * heads * (nopeDim + valueDim)
  return query + keyValue + heads * valueDim * hiddenSize + indexerParameters(attention, hiddenSize)
}

/** Parameters of the indexer of one layer: queries from the compressed ones, one key, a weight per head. */
export function indexerParameters(
  { indexer, queryRank }: LatentAttention,
  hiddenSize: number,
): number {
  if (indexer === undefined) return 0
  const { heads, headDim } = indexer
  return (queryRank || hiddenSize) * heads * headDim + hiddenSize * (headDim + heads)
}

function linearParameters({ linear, hiddenSize }: Model): number {
  if (linear === undefined) return 0
  return linear.layers * hiddenSize * (linearInputDim(linear) + linearOutputDim(linear))
}

/** What a token is projected to in a linear layer: queries, keys, values, their gate, two numbers per head. */
export function linearInputDim(linear: LinearAttention): number {
  const { keyHeads, keyDim, valueHeads } = linear
  return 2 * keyHeads * keyDim + 2 * linearOutputDim(linear) + 2 * valueHeads
}

/** Elements of the values of a token in a linear layer. */
export function linearOutputDim({ valueHeads, valueDim }: LinearAttention): number {
  return valueHeads * valueDim
}

/** Layers that attend to the context. */
export function attentionLayers({ layers, linear }: Model): number {
  return layers - (linear?.layers ?? 0)
}

/**
 * Parameters of a model, embeddings included.
 *
 * @example
 * parameterCount(findModel('llama-3.1-70b')) // => 70552387584
 */
export function parameterCount(model: Model): number {
  const { attention, dense, experts, embedding, head } = modelParameters(model)
  return attention + dense + experts + embedding + (model.tiedEmbeddings ? 0 : head)
}

/** Parameters that one token visits, embeddings included: fewer than all in a mixture of experts. */
export function activeParameterCount(model: Model): number {
  const { experts, expert } = modelParameters(model)
  const visited = (model.layers - model.denseLayers) * (model.experts?.active ?? 0) * expert
  return parameterCount(model) - experts + visited
}

/**
 * FLOPs of the matrix products of one token: 2 per parameter it visits, the output projection
 * included and the embedding, a table, not. Attention to the context comes on top.
 */
export function flopsPerToken(model: Model): number {
  const { attention, dense, expert, head } = modelParameters(model)
  const visited = (model.layers - model.denseLayers) * (model.experts?.active ?? 0) * expert
  return 2 * (attention + dense + visited + head)
}

/**
 * FLOPs of one pair (token, token it attends to) in all layers without a window: 2 per element of
 * query-key and of score-value products. Latent attention decodes in its compressed form, which
 * costs more per pair than the prompt's.
 */
export function attentionFlopsPerPair(model: Model, phase: 'prefill' | 'decode'): number {
  const { attention } = model
  const layers = attentionLayers(model)
  if (attention.kind === 'gqa') return 4 * attention.heads * attention.headDim * layers
  const { heads, kvRank, ropeDim, nopeDim, valueDim } = attention
  const elements = phase === 'prefill' ? nopeDim + ropeDim + valueDim : 2 * kvRank + ropeDim
  return 2 * heads * elements * layers
}

/** Bytes of weights of the whole model in a precision, its own by default. */
export function weightBytes(model: Model, precision: WeightPrecision = model.weights): number {
  const { attention, dense, embedding, head } = modelParameters(model)
  const tables =
    (embedding + (model.tiedEmbeddings ? 0 : head)) * WEIGHT_FORMATS.bf16.bytesPerWeight
  return (
    tables +
    attention * bytesPerWeight(model, precision, 'attention') +
    dense * bytesPerWeight(model, precision, 'dense') +
    expertBytes(model, precision)
  )
}

/** The part of them that all experts have. */
export function expertBytes(model: Model, precision: WeightPrecision): number {
  return modelParameters(model).experts * bytesPerWeight(model, precision, 'experts')
}

/**
 * Bytes of KV cache of one token in one layer; latent attention keeps one compressed vector, and the key of an
 * indexer in 8 bits with a 32-bit scale. Beside an indexer an 8-bit vector has scales of its own and its position in
 * 16 bits (`fp8_ds_mla` of vLLM; SGLang).
 */
export function kvBytesPerTokenLayer(model: Model, precision: KvPrecision = 'bf16'): number {
  const { attention } = model
  if (attention.kind === 'gqa')
    return 2 * attention.kvHeads * attention.headDim * BYTES_PER_KV_ELEMENT[precision]
  const { kvRank, ropeDim, indexer } = attention
  const scaled = kvRank + 4 * (kvRank / SCALED_TOGETHER) + 2 * ropeDim
  const vector =
    indexer !== undefined && precision === 'fp8'
      ? scaled
      : (kvRank + ropeDim) * BYTES_PER_KV_ELEMENT[precision]
  return vector + indexBytesPerTokenLayer(model)
}

/** Elements of a compressed vector that have one 32-bit scale. */
const SCALED_TOGETHER = 128

/** The part of them that the key of an indexer takes. */
export function indexBytesPerTokenLayer(model: Model): number {
  const indexer = indexerOf(model)
  return indexer === undefined ? 0 : indexer.headDim + 4
}

/**
 * Bytes of the states that the linear layers keep of a request, whatever its length: their matrices, and the last
 * inputs of the convolution in 16 bits.
 */
export function stateBytesPerRequest({ linear }: Model): number {
  if (linear === undefined) return 0
  const { layers, keyHeads, keyDim, valueHeads, valueDim, convolutionTokens } = linear
  const matrices = linear.stateBytes * valueHeads * keyDim * valueDim
  const inputs = 2 * (convolutionTokens - 1) * (2 * keyHeads * keyDim + valueHeads * valueDim)
  return layers * (matrices + inputs)
}

/**
 * Part of the KV of a token and layer that each of `tp` GPUs has: heads that do not divide are replicated,
 * and so is the compressed vector of latent attention.
 */
export function kvShare({ attention }: Model, tp: number): number {
  return attention.kind === 'mla' ? 1 : Math.ceil(attention.kvHeads / tp) / attention.kvHeads
}

/** Part of the layers that is on the pipeline stage with the most of them. */
export function largestStage({ layers }: Model, pp: number): number {
  return Math.ceil(layers / pp) / layers
}

/** Part of the KV of a token that is on one GPU of the stage with the most layers. */
export function kvShareOfGpu(model: Model, tp: number, pp: number): number {
  return kvShare(model, tp) * largestStage(model, pp)
}

/**
 * Bytes of KV cache of a request with so many tokens of context, over all layers: layers with a
 * sliding window keep no more than it, and linear layers nothing.
 *
 * @example
 * kvBytesOfContext(findModel('llama-3.1-70b'), 1) // => 327680
 */
export function kvBytesOfContext(
  model: Model,
  contextTokens: number,
  precision: KvPrecision = 'bf16',
): number {
  const window = windowOf(model)
  const tokenLayers =
    contextTokens * (attentionLayers(model) - window.layers) +
    Math.min(contextTokens, window.tokens) * window.layers
  return tokenLayers * kvBytesPerTokenLayer(model, precision)
}

/** What chooses the tokens that a model attends to; undefined where it attends to all. */
export function indexerOf({ attention }: Model): TokenIndexer | undefined {
  return attention.kind === 'mla' ? attention.indexer : undefined
}

/** The sliding window of a model: 0 layers without one. */
export function windowOf({ attention }: Model): {
  readonly tokens: number
  readonly layers: number
} {
  return (attention.kind === 'gqa' ? attention.window : undefined) ?? NO_WINDOW
}

const NO_WINDOW = { tokens: 1, layers: 0 } as const
