import type { BatchingPolicy, PreemptionMode } from '@routesim/core'
import type { Gpu } from '../gpus/gpu.js'
import type { KvBudget } from '../kv-cache/kv-capacity.js'
import type { Model } from '../models/model.js'
import type { KvPrecision, WeightPrecision } from '../precision/precision.js'

/** Where an engine runs. */
export interface EnginePlace {
  readonly gpu: Gpu
  readonly tp: number
  readonly pp: number
  /** Data-parallel ranks that share experts, and all of which have so many GPUs; 1 when absent. */
  readonly ranks?: number
  readonly maxBatchTokens: number
}

/** What a serving engine does unless told otherwise, where it matters to a simulation. */
export interface EnginePreset {
  readonly name: string
  readonly aliases: readonly string[]
  /** Release whose defaults these are. */
  readonly version: string
  /** Tokens of one step at most, of each of the ranks that share experts; one when absent. */
  maxBatchTokens(gpu: Gpu, ranks?: number): number
  /** Requests in one batch at most. */
  maxNumSeqs(gpu: Gpu): number
  /** Tokens per KV block. */
  readonly kvBlockTokens: number
  readonly chunkedPrefill: boolean
  readonly prefixCaching: boolean
  readonly batching: BatchingPolicy
  /** Share of the declared output for which blocks must be to spare at admission; 0 for the prompt alone. */
  readonly reservedOutputShare: number
  /** What happens when blocks run out. */
  readonly preemption: PreemptionMode
  /** Part of the memory the engine takes, and what it holds. */
  gpuMemoryUtilization(place: EnginePlace): number
  readonly kvBudget: KvBudget
  /** States of linear layers for each request that may run while prefixes are cached; 1 while they are not. */
  readonly statesPerRequest: number
  /** Host work per sequence and step that the GPU waits for, in ms. */
  readonly hostMsPerRequest: number
  /** Host time to launch the kernels of a layer, in ms: steps with prompts take that at least. */
  launchMsPerLayer(model: Model): number
  /** Tokens of a step with prompts up to which CUDA graphs take the place of launches; 0 without such graphs. */
  readonly promptGraphTokens: number
  /** Least durations of kernels and collectives, as a multiple of unfused ones: fused ones are fewer. */
  readonly kernelFloorScale: number
  /** From the arrival of a request to the scheduler: HTTP, template, tokeniser, queue, in ms. */
  readonly frontEndMs: number
  /** Precision of the KV cache for a checkpoint of the model in some precision. */
  kvPrecision(model: Model, weights: WeightPrecision): KvPrecision
  /** Where the figures come from. */
  readonly source: string
}
