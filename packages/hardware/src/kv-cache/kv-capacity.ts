import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
import type { Gpu } from '../gpus/gpu.js'
import { checkPrecision } from '../latency/check-roofline.js'
import type { Model } from '../models/model.js'
import {
  expertBytes,
  kvBytesOfContext,
  kvShare,
  largestStage,
  stateBytesPerRequest,
  weightBytes,
} from '../models/model-size.js'
import type { KvPrecision, WeightPrecision } from '../precision/precision.js'

/** What the KV capacity of a replica depends on. */
export interface KvCapacityOptions {
  readonly model: Model
  readonly gpu: Gpu
  readonly tp: number
  readonly pp: number
  /** GPUs of a stage over which the experts are spread: more than `tp` if data-parallel ranks share them, `tp` if absent. */
  readonly expertGpus?: number
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
   * window, so longer requests need less per token. As if they kept all of it when absent, the safe side.
   */
  readonly contextTokens?: number
  /** States of the linear layers that each request may take, with those that the engine caches; 1 when absent. */
  readonly statesPerRequest?: number
  /** How the engine sizes the cache; `after_peak` when absent. */
  readonly budget?: KvBudget
}

/**
 * What an engine's share of the memory holds. `after_peak`: weights, the peak of a profiled step and the
 * KV cache (vLLM). `after_weights`: weights and KV cache, a step takes what is outside (SGLang).
 * `share_of_free`: the share is of what weights and the peak leave (TensorRT-LLM).
 */
export type KvBudget = 'after_peak' | 'after_weights' | 'share_of_free'

/** KV blocks of a replica and the bytes they are left from, all per GPU. */
export interface KvCapacity {
  readonly blocks: number
  readonly tokens: number
  readonly weightBytes: number
  /** Activations, sampling buffers, kernels and collectives. */
  readonly reserveBytes: number
  readonly kvBytes: number
  /** Requests that can run at once: `maxNumSeqs`, or as many as have room for the states of linear layers. */
  readonly sequences: number
}

/**
 * The states of linear layers get at most this part of the memory for caches: `mamba_full_memory_ratio` of
 * SGLang is 0.9, of states to KV cache. Engines with one pool for both divide it as they go.
 */
const MOST_FOR_STATES = 0.9 / 1.9

/**
 * Buffers of collectives, workspaces of matrix products and CUDA graphs: vLLM logs 0.2 to 0.4 GiB of
 * memory outside PyTorch, and 0.36 GiB of graphs since it profiles them (0.21).
 */
const RUNTIME_BYTES = 0.6e9
/**
 * What sampling holds at once, in sizes of the 32-bit logits: the logits, the sorted ones, their 8-byte
 * indices, and probabilities. vLLM profiles it with as many sequences as it may run.
 */
const LOGIT_COPIES = 1 + 1 + 2 + 1

/**
 * KV blocks that fit beside weights and activations on a GPU of the stage with the most layers: share x memory -
 * weights - reserve - states of linear layers, over the KV bytes of a block, see `KvBudget`. Block counts that vLLM
 * printed come out within 1 % for dense 16-bit models, and 4 % too high for one with FP8 weights and cache. Mixtures that
 * nearly fill a GPU have less room than this: kernels pad what they are given, so that gpt-oss-120b takes 65.97 or 64.38
 * GiB of an H100 where its checkpoint has 60.69 (vllm-project/vllm issues 23278 and 33155), and its profiled step takes
 * more, too: it leaves nothing of 0.9 of the memory in vLLM 0.10.1.
 * @throws RouteSimError `kv_capacity_none` when the weights leave no room; `latency_invalid` if the model cannot have
 * the precision
 */
export function kvCapacity(options: KvCapacityOptions): KvCapacity {
  const { model, gpu, tp, pp, precision, kvPrecision, blockTokens } = options
  checkPrecision(model, precision)
  const stage = largestStage(model, pp)
  const ofExperts = expertBytes(model, precision)
  const weights =
    stage *
    ((weightBytes(model, precision) - ofExperts) / tp + ofExperts / (options.expertGpus ?? tp))
  const takenBytes = gpu.driverMemoryBytes * options.gpuMemoryUtilization
  const reserveOf = (sequences: number): number =>
    RUNTIME_BYTES + activationBytes(options, sequences)
  const cacheOf = (sequences: number): number =>
    cacheBytesOf(options, weights, reserveOf(sequences))
  const { statesPerRequest = 1, maxNumSeqs } = options
  const stateBytes = (stateBytesPerRequest(model) * statesPerRequest * stage) / tp
  const sequences = mostThat(
    (count) => count * stateBytes <= MOST_FOR_STATES * Math.max(0, cacheOf(count)),
    maxNumSeqs,
  )
  const reserveBytes = reserveOf(sequences)
  const kvBytes = cacheOf(sequences) - sequences * stateBytes
  const context = options.contextTokens ?? 1
  const perToken = kvBytesOfContext(model, context, kvPrecision) / context
  const blockBytes = perToken * kvShare(model, tp) * blockTokens * stage
  const blocks = Math.floor(kvBytes / blockBytes)
  if (!(blocks >= 1 && sequences >= 1)) {
    const needs = gigabytes(weights + reserveBytes)
    throw new RouteSimError<HardwareErrorCode>(
      `${model.name} in ${precision} on ${tp * pp} x ${gpu.name}: expected room for KV blocks, got none: each GPU needs ${needs} GB for weights and activations and the engine takes ${gigabytes(takenBytes)} GB`,
      {
        code: 'kv_capacity_none',
        hint: 'Raise tp or pp, take a narrower precision or a larger GPU.',
      },
    )
  }
  return {
    blocks,
    tokens: blocks * blockTokens,
    weightBytes: weights,
    reserveBytes,
    kvBytes,
    sequences,
  }
}

/** The largest number up to one that fits, if those above it do not. */
function mostThat(fits: (count: number) => boolean, most: number): number {
  if (fits(most)) return most
  let [low, high] = [0, most]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

function cacheBytesOf(
  { gpu, gpuMemoryUtilization: share, budget = 'after_peak' }: KvCapacityOptions,
  weights: number,
  reserve: number,
): number {
  const memory = gpu.driverMemoryBytes
  if (budget === 'share_of_free') return share * (memory - weights - reserve)
  return share * memory - weights - (budget === 'after_peak' ? reserve : 0)
}

/** The larger of the forward pass and the sampler, which the engine profiles one after the other. */
function activationBytes(options: KvCapacityOptions, sequences: number): number {
  const { model, tp, maxBatchTokens } = options
  const moeWidth =
    (model.experts?.active ?? 0) * (model.experts?.intermediateSize ?? 0) +
    (model.experts?.sharedIntermediateSize ?? 0)
  const width = Math.max(model.intermediateSize, moeWidth)
  const forward = 2 * maxBatchTokens * (4 * model.hiddenSize + (3 * width) / tp)
  const sampler = LOGIT_COPIES * 4 * sequences * model.vocabSize
  return Math.max(forward, sampler)
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1)
}
