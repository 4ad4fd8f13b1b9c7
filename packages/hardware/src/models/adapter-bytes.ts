import type { LinearAttention, Model } from './model.js'
import { attentionLayers, linearInputDim, linearOutputDim } from './model-size.js'

/** Bytes of a weight of an adapter: engines keep them in 16 bits. */
const BYTES_PER_WEIGHT = 2

/**
 * Parameters of a LoRA adapter on every projection of the attention and of the dense feed-forward networks:
 * for each of them rank x (inputs + outputs), two narrow matrices (Hu et al. 2021, arXiv 2106.09685). Routed
 * experts get none. Each of `tp` GPUs has its part of the matrix on the sharded side of a projection and all of the
 * other, as vLLM has them without `fully_sharded_loras` (vllm/lora/layers, 0.11).
 *
 * @example
 * adapterParameters(findModel('llama-3.1-8b'), 16) // => 41943040
 */
export function adapterParameters(model: Model, rank: number, tp = 1): number {
  const { hiddenSize: h, layers, denseLayers, experts, linear } = model
  const network = (width: number): number => model.feedForwardMatrices * (h + width / tp)
  const shared = experts?.sharedIntermediateSize ?? 0
  return (
    rank *
    (attentionLayers(model) * attentionWidths(model, tp) +
      (linear === undefined ? 0 : linear.layers * (3 * h + linearWidths(linear) / tp)) +
      denseLayers * network(model.intermediateSize) +
      (shared > 0 ? (layers - denseLayers) * network(shared) : 0))
  )
}

/** Bytes of such an adapter on each of `tp` GPUs. */
export function adapterBytes(model: Model, rank: number, tp = 1): number {
  return adapterParameters(model, rank, tp) * BYTES_PER_WEIGHT
}

/** Inputs and outputs of the projections of one layer's attention, those of its heads over `tp` GPUs. */
function attentionWidths({ attention, hiddenSize: h }: Model, tp: number): number {
  const { heads } = attention
  if (attention.kind === 'gqa') {
    const query = (heads * attention.headDim) / tp
    const key = Math.ceil(attention.kvHeads / tp) * attention.headDim
    const gate = attention.isGated === true ? query : 0
    return 2 * (h + query) + gate + 2 * (h + key)
  }
  const { queryRank, kvRank, ropeDim, nopeDim, valueDim } = attention
  const ownHeads = heads / tp
  const keys = ownHeads * (nopeDim + ropeDim)
  const query = h + 2 * queryRank + keys
  const keyValue = h + kvRank + ropeDim + kvRank + ownHeads * (nopeDim + valueDim)
  return query + keyValue + ownHeads * valueDim + h
}

/** What the three projections of a linear layer have beside the residual stream: two before, one after it. */
function linearWidths(linear: LinearAttention): number {
  return linearInputDim(linear) + linearOutputDim(linear)
}
