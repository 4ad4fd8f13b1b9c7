import type { Model } from '../models/model.js'

/**
 * How the kernels of a step are replayed: as one CUDA graph, or as one per layer, between which attention is
 * launched from the host.
 */
export type CudaGraphs = 'full' | 'piecewise'

/**
 * Llama 8B takes 7.63 ms per token in pieces and 7 % less as one graph (vllm-project/vllm, pull request 16072,
 * April 2025, FlashAttention 3). The same of Qwen2.5-1.5B with 28 layers, 0.4 to 0.7 ms, is 14 to 26 µs per
 * layer (pull request 20059). Mixtures of small experts pay more: the host falls behind the GPU.
 */
const MEASURED_MS_PER_LAYER = 7.63 / 32
const BREAK_MS_PER_LAYER = 0.07 * MEASURED_MS_PER_LAYER

/** What the ends of graphs at each attention add to a step, in ms. */
export function graphBreaksMs({ layers }: Model, graphs: CudaGraphs): number {
  return graphs === 'piecewise' ? layers * BREAK_MS_PER_LAYER : 0
}
