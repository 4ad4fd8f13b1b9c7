import type { Model } from './model.js'

/** Bytes of a weight of an adapter: engines keep them in 16 bits. */
const BYTES_PER_WEIGHT = 2

/**
 * Parameters of a LoRA adapter on every projection of the attention and of the dense feed-forward networks:
 * for each of them rank x (inputs + outputs), two narrow matrices (Hu et al. 2021, arXiv 2106.09685). Routed
 * experts get none.
 *
 * @example
 * adapterParameters(findModel('llama-3.1-8b'), 16) // => 41943040
 */
export function adapterParameters(model: Model, rank: number): number {
  const { hiddenSize: h, layers, denseLayers, experts } = model
  const network = (width: number): number => model.feedForwardMatrices * (h + width)
  const shared = experts?.sharedIntermediateSize ?? 0
  return (
    rank *
    (layers * attentionWidths(model) +
      denseLayers * network(model.intermediateSize) +
      (shared > 0 ? (layers - denseLayers) * network(shared) : 0))
  )
}

/** Bytes of such an adapter. */
export function adapterBytes(model: Model, rank: number): number {
  return adapterParameters(model, rank) * BYTES_PER_WEIGHT
}

/** Inputs and outputs of the projections of one layer's attention. */
function attentionWidths({ attention, hiddenSize: h }: Model): number {
  const { heads } = attention
  if (attention.kind === 'gqa') {
    const query = heads * attention.headDim
    const key = attention.kvHeads * attention.headDim
    return 2 * (h + query) + 2 * (h + key)
  }
  const { queryRank, kvRank, ropeDim, nopeDim, valueDim } = attention
  const keys = heads * (nopeDim + ropeDim)
  const query = queryRank === 0 ? h + keys : h + queryRank + queryRank + keys
  const keyValue = h + kvRank + ropeDim + kvRank + heads * (nopeDim + valueDim)
  return query + keyValue + heads * valueDim + h
}
