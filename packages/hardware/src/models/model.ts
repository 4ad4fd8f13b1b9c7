import type { KvPrecision, WeightFormat, WeightPrecision } from '../precision/precision.js'

/**
 * A decoder-only transformer, by the hyper-parameters that decide its speed and memory. Names follow
 * the `config.json` of Hugging Face where it has one for the thing.
 */
export interface Model {
  /** Canonical name, such as `Llama-3.1-70B`. */
  readonly name: string
  /** Other names it goes by, repository ids among them. */
  readonly aliases: readonly string[]
  /** Transformer layers. */
  readonly layers: number
  /** Width of the residual stream. */
  readonly hiddenSize: number
  /** Of the layers that attend to the context, which are all but the `linear` ones. */
  readonly attention: GroupedQueryAttention | LatentAttention
  /** Layers with a state of constant size in place of a KV cache; absent when there are none. */
  readonly linear?: LinearAttention
  /** Layers with one dense feed-forward network each, 0 in a pure mixture of experts. */
  readonly denseLayers: number
  /** Width of that network; 0 without dense layers. */
  readonly intermediateSize: number
  /** Matrices of a feed-forward network: 3 when gated (SwiGLU, GeGLU), 2 when not. */
  readonly feedForwardMatrices: 2 | 3
  /** Present in layers that are not dense. */
  readonly experts?: Experts
  readonly vocabSize: number
  /** Tokens of prompt and answer at most, of the checkpoint with the longest context that goes by the name. */
  readonly maxPositions?: number
  /** Whether the output projection reuses the input embedding. */
  readonly tiedEmbeddings: boolean
  /** Precision of the published checkpoint. */
  readonly weights: WeightPrecision
  /** Checkpoints in some precision that are not in it throughout, or say more. */
  readonly checkpoints?: { readonly [Each in WeightPrecision]?: Checkpoint }
  /** Where the figures come from. */
  readonly source: string
}

/**
 * Parts of a model whose weights may be in formats of their own; `dense` has the shared experts. Embedding and output
 * projection are in 16 bits.
 */
export type WeightPart = 'attention' | 'dense' | 'experts'

/** What the weights of parts are in; parts that are absent are in the precision of the checkpoint. */
export interface Checkpoint {
  readonly parts?: { readonly [Each in WeightPart]?: readonly FormatShare[] }
  /** What it says that the KV cache is in. */
  readonly kvCache?: KvPrecision
}

/** A share of the weights of a part, all of which make 1. */
export interface FormatShare {
  readonly format: WeightFormat
  readonly share: number
}

/** Multi-head, grouped-query or multi-query attention, with or without a sliding window. */
export interface GroupedQueryAttention {
  readonly kind: 'gqa'
  readonly heads: number
  readonly kvHeads: number
  /** Elements of one head; not always hidden size / heads. */
  readonly headDim: number
  /** Layers that attend to the last tokens only. */
  readonly window?: { readonly tokens: number; readonly layers: number }
  /** Whether what comes out is gated, by a projection as wide as that of the queries (Qwen3-Next). */
  readonly isGated?: true
}

/** Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values are compressed together. */
export interface LatentAttention {
  readonly kind: 'mla'
  readonly heads: number
  /** Rank of the compressed query; 0 when queries are projected directly. */
  readonly queryRank: number
  /** Rank of the compressed key and value, which is what the cache keeps. */
  readonly kvRank: number
  /** Elements of a key that carry the position, shared by all heads and cached too. */
  readonly ropeDim: number
  /** The other elements of a key. */
  readonly nopeDim: number
  readonly valueDim: number
  /** Which tokens of the context are attended to; all when absent. */
  readonly indexer?: TokenIndexer
}

/**
 * DeepSeek sparse attention (DeepSeek-V3.2, arXiv 2512.02556): small heads of each layer score the whole
 * context, with keys of their own in the cache, and attention is to the best of it.
 */
export interface TokenIndexer {
  /** Tokens that are attended to at most. */
  readonly tokens: number
  readonly heads: number
  readonly headDim: number
}

/** Gated DeltaNet (arXiv 2412.06464): one matrix per value head takes in what keys and values say. */
export interface LinearAttention {
  readonly layers: number
  /** Heads of keys, and as many of queries. */
  readonly keyHeads: number
  readonly valueHeads: number
  /** Elements of one head. */
  readonly keyDim: number
  readonly valueDim: number
  /** Tokens that the convolution before it sees. */
  readonly convolutionTokens: number
  /** Bytes of an element of the state. */
  readonly stateBytes: 2 | 4
}

/** The feed-forward part of mixture-of-experts layers. */
export interface Experts {
  readonly count: number
  /** Experts that each token visits. */
  readonly active: number
  readonly intermediateSize: number
  /** Width of the network that all tokens visit, 0 for none. */
  readonly sharedIntermediateSize: number
}
