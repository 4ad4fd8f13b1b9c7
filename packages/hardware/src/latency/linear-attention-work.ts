import { linearOutputDim, stateBytesPerRequest } from '../models/model-size.js'
import type { KernelEfficiency } from './kernel-efficiency.js'
import { peakFlops } from './matmul-work.js'
import type { RooflineOptions } from './roofline-options.js'

/** What the linear layers of a model take on one GPU, in ms; the matrix products with weights apart. */
export interface LinearAttentionWork {
  /** Of a request that decodes or has prompt tokens in the step: its states are read and written. */
  readonly msPerSequence: number
  /** Of a prompt token. */
  readonly msPerPromptToken: number
}

/** Tokens that the kernels for prompts take together (flash-linear-attention, chunk_gated_delta_rule). */
const CHUNK_TOKENS = 64

/**
 * Decodes stream the states at the pace of attention over a cache. Prompts go chunk by chunk: each of its
 * tokens meets those of its chunk five times (keys with keys, what that gives with keys and with values, queries with
 * keys, scores with values) and the state three times (what it knew, what is asked of it, what it learns). Derived from the recurrence, at the
 * part of the peak that attention reaches; no kernel times went in.
 */
export function linearAttentionWork(
  options: RooflineOptions,
  efficiency: KernelEfficiency,
): LinearAttentionWork | undefined {
  const { model, gpu, parallelism } = options
  const { linear } = model
  if (linear === undefined) return undefined
  const { tp } = parallelism
  const bandwidth = gpu.memoryBandwidthBytesPerSec * efficiency.kvBandwidth.wide
  const flops = peakFlops(gpu, 'bf16').flops * efficiency.attentionFlops
  const { keyDim, valueDim, valueHeads } = linear
  const inChunk = 2 * CHUNK_TOKENS * (3 * keyDim + 2 * valueDim) * valueHeads
  const withState = 3 * 2 * keyDim * linearOutputDim(linear)
  return {
    msPerSequence: (1000 * 2 * stateBytesPerRequest(model)) / (tp * bandwidth),
    msPerPromptToken: (1000 * linear.layers * (inChunk + withState)) / (tp * flops),
  }
}
