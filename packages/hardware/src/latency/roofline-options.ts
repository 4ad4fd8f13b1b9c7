import type { Gpu } from '../gpus/gpu.js'
import type { Link } from '../links/link.js'
import type { Model } from '../models/model.js'
import type { KvPrecision, WeightPrecision } from '../precision/precision.js'
import type { CudaGraphs } from './cuda-graphs.js'
import type { KernelEfficiency } from './kernel-efficiency.js'

/** How a model is spread over the GPUs of one replica. */
export interface Parallelism {
  /** Tensor parallel degree: a divisor of the attention heads. */
  readonly tp: number
  /** Pipeline stages; at most the layers. */
  readonly pp: number
  /**
   * Ranks among which whole experts are dealt out: a divisor of `tp`, or `tp` x `dp`, and then data-parallel ranks
   * share the experts. 1 shards every expert by `tp`.
   */
  readonly ep: number
  /** Data-parallel ranks of the backend, of `tp` x `pp` GPUs each; 1 when absent. */
  readonly dp?: number
}

/** Whether whole experts can be dealt out so: among the GPUs of a rank, or among those of all ranks. */
export function canDealOut({ tp, ep, dp = 1 }: Omit<Parallelism, 'pp'>): boolean {
  return tp % ep === 0 || ep === tp * dp
}

/** Data-parallel ranks whose tokens meet at the same experts. */
export function ranksSharingExperts({ tp, ep, dp = 1 }: Omit<Parallelism, 'pp'>): number {
  return ep > tp ? dp : 1
}

/** What a roofline is computed from. */
export interface RooflineOptions {
  readonly model: Model
  readonly gpu: Gpu
  readonly parallelism: Parallelism
  readonly precision: WeightPrecision
  readonly kvPrecision: KvPrecision
  /** Host work of the engine per sequence and step, in ms: scheduling, sampling, detokenising. */
  readonly hostMsPerRequest: number
  /**
   * Host work of a step that the GPUs wait for however many sequences it has, in ms; 0 when absent, as
   * engines have it that schedule the next step while one is under way.
   */
  readonly hostMsPerStep?: number
  /** How kernels are replayed: `full` when absent, as vLLM does from 0.11 on. */
  readonly cudaGraphs?: CudaGraphs
  /** Least durations of kernels and collectives, as a multiple of unfused ones; 1 when absent. */
  readonly kernelFloorScale?: number
  /**
   * `step` holds all matrix products against one roofline; `operator` each kernel against its own,
   * with the ramp of attention kernels.
   */
  readonly granularity: 'step' | 'operator'
  /** Link between the GPUs of the replica; the GPU's own when absent. */
  readonly link?: Link
  /** What the kernels reach; that of the GPU's architecture when absent. */
  readonly efficiency?: KernelEfficiency
  /** Factors on the parts of the time, as a calibration finds them; 1 when absent. */
  readonly timeScales?: TimeScales
}

/** How much longer than computed the parts of a step take: below 1 for better kernels. */
export interface TimeScales {
  /** Matrix products, with experts. */
  readonly matmul: number
  readonly attention: number
  /** All-reduces, all-to-alls and messages between stages. */
  readonly communication: number
  /** Least durations of kernels, breaks between CUDA graphs, norms and activations. */
  readonly overhead: number
}

/** Times as computed. */
export const UNSCALED: TimeScales = { matmul: 1, attention: 1, communication: 1, overhead: 1 }
