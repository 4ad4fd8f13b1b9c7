import type { Model, WeightPart } from './model.js'
import {
  attentionLayers,
  indexerParameters,
  linearInputDim,
  linearOutputDim,
  modelParameters,
} from './model-size.js'

/** Weights of a layer that lists of a checkpoint may name. */
export interface WeightModule {
  readonly part: WeightPart
  /** What it, or one that it is fused with, is called in a layer; families differ. */
  readonly names: readonly string[]
  /** Of one layer. */
  readonly parameters: number
  /** Layers that may have it, and how many do. */
  readonly layers: readonly number[]
  readonly count: number
}

/**
 * Modules of a model by the names of Hugging Face. Which layers have which kind of attention is not known, but how many.
 * Routers, which engines leave in 16 bits, go with what is dense.
 * @param dense - layers without experts; the first ones by default
 */
export function weightModules(
  model: Model,
  dense: readonly number[] = firstLayers(model.denseLayers),
): WeightModule[] {
  return [...attentionModules(model), ...networkModules(model, dense)]
}

function firstLayers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, layer) => layer)
}

function attentionModules(model: Model): WeightModule[] {
  const { attention, hiddenSize, layers, linear } = model
  const all = firstLayers(layers)
  const attending = attentionLayers(model)
  const of = (names: readonly string[], parameters: number, count: number): WeightModule => ({
    part: 'attention',
    names,
    parameters,
    layers: all,
    count,
  })
  const attended = (name: string, parameters: number, ...fused: string[]): WeightModule =>
    of(
      [name, ...fused].map((each) => `self_attn.${each}`),
      parameters,
      attending,
    )
  const ofLinear =
    linear === undefined
      ? []
      : [
          of(
            ['linear_attn.in_proj_qkvz', 'linear_attn.in_proj_qkv'],
            hiddenSize * linearInputDim(linear),
            linear.layers,
          ),
          of(['linear_attn.out_proj'], hiddenSize * linearOutputDim(linear), linear.layers),
        ]
  const { heads } = attention
  if (attention.kind === 'gqa') {
    const { headDim, kvHeads, isGated } = attention
    const key = hiddenSize * headDim * kvHeads
    const query = hiddenSize * headDim * heads
    return [
      attended('q_proj', isGated === true ? 2 * query : query, 'qkv_proj'),
      attended('k_proj', key, 'qkv_proj'),
      attended('v_proj', key, 'qkv_proj'),
      attended('o_proj', query),
      ...ofLinear,
    ]
  }
  const { queryRank, kvRank, ropeDim, nopeDim, valueDim } = attention
  const queries = heads * (nopeDim + ropeDim)
  return [
    ...(queryRank === 0
      ? [attended('q_proj', hiddenSize * queries)]
      : [
          attended('q_a_proj', hiddenSize * queryRank, 'fused_qkv_a_proj'),
          attended('q_b_proj', queryRank * queries),
        ]),
    attended('kv_a_proj_with_mqa', hiddenSize * (kvRank + ropeDim), 'fused_qkv_a_proj'),
    attended('kv_b_proj', kvRank * heads * (nopeDim + valueDim)),
    attended('o_proj', heads * valueDim * hiddenSize),
    attended('indexer.wq_b', indexerParameters(attention, hiddenSize)),
    ...ofLinear,
  ]
}

/** What a feed-forward network is called in a layer. */
const NETWORKS = {
  dense: ['mlp', 'feed_forward'],
  shared: ['mlp.shared_experts', 'mlp.shared_expert', 'feed_forward.shared_expert'],
  experts: ['mlp.experts.0', 'mlp.experts', 'block_sparse_moe.experts.0', 'feed_forward.experts'],
} as const

/** What its matrices are called, fused with others or not. */
const GATED = [
  ['gate_proj', 'gate_up_proj', 'w1'],
  ['up_proj', 'gate_up_proj', 'w3'],
  ['down_proj', 'w2'],
] as const
const UNGATED = [
  ['up_proj', 'c_fc'],
  ['down_proj', 'c_proj'],
] as const

function networkModules(model: Model, dense: readonly number[]): WeightModule[] {
  const { hiddenSize, layers, experts, feedForwardMatrices } = model
  const sparse = firstLayers(layers).filter((layer) => !dense.includes(layer))
  const matrices = feedForwardMatrices === 3 ? GATED : UNGATED
  const modules = (
    kind: keyof typeof NETWORKS,
    width: number,
    own: readonly number[],
  ): WeightModule[] =>
    matrices.map((names) => ({
      part: kind === 'experts' ? 'experts' : 'dense',
      names: NETWORKS[kind].flatMap((network) => names.map((name) => `${network}.${name}`)),
      parameters: hiddenSize * width,
      layers: own,
      count: own.length,
    }))
  return [
    ...modules('dense', model.intermediateSize, dense),
    ...modules('shared', experts?.sharedIntermediateSize ?? 0, sparse),
    ...modules(
      'experts',
      ((experts?.count ?? 0) * modelParameters(model).expert) / (feedForwardMatrices * hiddenSize),
      sparse,
    ),
  ].filter(({ parameters }) => parameters > 0)
}
