import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
import type { Gpu } from '../gpus/gpu.js'
import type { Model } from '../models/model.js'
import { kvBytesOfContext, weightBytes } from '../models/model-size.js'
import type { KvPrecision, WeightPrecision } from '../precision/precision.js'

/** What the KV capacity of a replica depends on. */
export interface KvCapacityOptions {
  readonly model: Model
  readonly gpu: Gpu
  readonly tp: number
  readonly pp: number
  readonly precision: WeightPrecision
  readonly kvPrecision: KvPrecision
  /** Part of the memory that the engine takes. */
  readonly gpuMemoryUtilization: number
  readonly maxBatchTokens: number
  readonly maxNumSeqs: number
  /** Tokens per KV block. */
  readonly blockTokens: number
  /**
   * Context that requests reach, for models with sliding windows: their layers keep no more than the
   * window, so longer requests need less per token. The window itself when absent, the safe side.
   */
  readonly contextTokens?: number
}

/** KV blocks of a replica and the bytes they are left from, all per GPU. */
export interface KvCapacity {
  readonly blocks: number
  readonly tokens: number
  readonly weightBytes: number
  /** Activations, sampling buffers, kernels and collectives. */
  readonly reserveBytes: number
  readonly kvBytes: number
}

/** Context, kernels and the buffers of collectives. */
const RUNTIME_BYTES = 0.8e9
/** Copies of the 32-bit logits while the sampler is profiled at the full batch: sort, softmax, masks. */
const LOGIT_COPIES = 6

/**
 * KV blocks that fit beside weights and activations: utilisation x memory - weights / (tp · pp) -
 * reserve, over the KV bytes of a block on one GPU. Published block counts of vLLM come out within 4 %.
 * @throws RouteSimError `kv_capacity_none` when the weights leave no room
 */
export function kvCapacity(options: KvCapacityOptions): KvCapacity {
  const { model, gpu, tp, pp, precision, kvPrecision, blockTokens } = options
  const weights = weightBytes(model, precision) / (tp * pp)
  const reserveBytes = RUNTIME_BYTES + activationBytes(options)
  const takenBytes = gpu.driverMemoryBytes * options.gpuMemoryUtilization
  const kvBytes = takenBytes - weights - reserveBytes
  const context = options.contextTokens ?? 1
  const perToken = kvBytesOfContext(model, context, kvPrecision) / context
  const blockBytes = (perToken * kvShare(model, tp) * blockTokens) / pp
  const blocks = Math.floor(kvBytes / blockBytes)
  if (!(blocks >= 1)) {
    const needs = gigabytes(weights + reserveBytes)
    throw new RouteSimError<HardwareErrorCode>(
      `${model.name} in ${precision} on ${tp * pp} x ${gpu.name}: expected room for KV blocks, got none: each GPU needs ${needs} GB for weights and activations and the engine takes ${gigabytes(takenBytes)} GB`,
      {
        code: 'kv_capacity_none',
        hint: 'Raise tp or pp, take a narrower precision or a larger GPU.',
      },
    )
  }
  return { blocks, tokens: blocks * blockTokens, weightBytes: weights, reserveBytes, kvBytes }
}

/** Heads that do not divide are replicated, and so is the compressed vector of latent attention. */
function kvShare({ attention }: Model, tp: number): number {
  return attention.kind === 'mla' ? 1 : Math.ceil(attention.kvHeads / tp) / attention.kvHeads
}

/** The larger of the forward pass and the sampler, which the engine profiles one after the other. */
function activationBytes(options: KvCapacityOptions): number {
  const { model, tp, maxBatchTokens, maxNumSeqs } = options
  const moeWidth =
    (model.experts?.active ?? 0) * (model.experts?.intermediateSize ?? 0) +
    (model.experts?.sharedIntermediateSize ?? 0)
  const width = Math.max(model.intermediateSize, moeWidth)
  const forward = 2 * maxBatchTokens * (4 * model.hiddenSize + (3 * width) / tp)
  const sampler = LOGIT_COPIES * 4 * maxNumSeqs * model.vocabSize
  return Math.max(forward, sampler)
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1)
}
