import type { WeightPrecision } from '../precision/precision.js'

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
  readonly attention: GroupedQueryAttention | LatentAttention
  /** Layers with one dense feed-forward network each, 0 in a pure mixture of experts. */
  readonly denseLayers: number
  /** Width of that network; 0 without dense layers. */
  readonly intermediateSize: number
  /** Matrices of a feed-forward network: 3 when gated (SwiGLU, GeGLU), 2 when not. */
  readonly feedForwardMatrices: 2 | 3
  /** Present in layers that are not dense. */
  readonly experts?: Experts
  readonly vocabSize: number
  /** Whether the output projection reuses the input embedding. */
  readonly tiedEmbeddings: boolean
  /** Precision of the published checkpoint. */
  readonly weights: WeightPrecision
  /** Where the figures come from. */
  readonly source: string
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
