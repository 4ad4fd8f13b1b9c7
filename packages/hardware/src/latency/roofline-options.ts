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
   * Groups of GPUs among which whole experts are dealt out, each group with other ones; 1 shards every expert by all.
   */
  readonly ep: number
  /**
   * GPUs of a group, by which each of its experts is sharded: `ep` x `moeTp` is `tp`, or `tp` x `dp`, and then
   * data-parallel ranks share the experts. What `ep` leaves of `tp` when absent, at least 1.
   */
  readonly moeTp?: number | undefined
  /** Data-parallel ranks of the backend, of `tp` x `pp` GPUs each; 1 when absent. */
  readonly dp?: number
}

/** Whether experts can be spread so: over the GPUs of a rank, or over those of all ranks. */
export function canSpreadExperts(parallelism: Omit<Parallelism, 'pp'>): boolean {
  const { tp, ep, dp = 1 } = parallelism
  const sharded = gpusPerExpert(parallelism)
  const gpus = ep * sharded
  return Number.isInteger(sharded) && (gpus === tp || gpus === tp * dp)
}

/** GPUs by which one expert is sharded. */
export function gpusPerExpert({ tp, ep, moeTp }: Omit<Parallelism, 'pp'>): number {
  return moeTp ?? Math.max(1, tp / ep)
}

/** Data-parallel ranks whose tokens meet at the same experts. */
export function ranksSharingExperts(parallelism: Omit<Parallelism, 'pp'>): number {
  const { tp, ep, dp = 1 } = parallelism
  return ep * gpusPerExpert(parallelism) > tp ? dp : 1
}

/** Whether tokens go to other GPUs for their experts, dealt out or shared by ranks, which then step together. */
export function exchangesTokens(parallelism: Omit<Parallelism, 'pp'>): boolean {
  return parallelism.ep > 1 || ranksSharingExperts(parallelism) > 1
}

/**
 * Whether data-parallel ranks gather the tokens of all for the experts they share: those are sharded. Tokens go to
 * whole experts one by one.
 */
export function gathersTokens(parallelism: Omit<Parallelism, 'pp'>): boolean {
  return ranksSharingExperts(parallelism) > 1 && gpusPerExpert(parallelism) > 1
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
  /**
   * Host time to launch the kernels of a layer one by one, in ms: what each layer takes at least in a step with prompts.
   * 0 when absent.
   */
  readonly launchMsPerLayer?: number
  /** Tokens of a step with prompts up to which it is replayed from CUDA graphs, without launches; 0 when absent. */
  readonly promptGraphTokens?: number
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
