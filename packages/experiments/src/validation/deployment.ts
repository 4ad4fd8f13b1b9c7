import type { BackendSpec, LatencyModel, TogetherOptions } from '@routesim/core'
import {
  type CudaGraphs,
  type EnginePreset,
  exchangesTokens,
  findEngine,
  findGpu,
  findModel,
  type KvPrecision,
  kvCapacity,
  kvShareOfGpu,
  ranksSharingExperts,
  rooflineLatency,
  type WeightPrecision,
} from '@routesim/hardware'

/** What a published measurement says of one backend; the engine's defaults hold for the rest. */
export interface DeploymentOptions {
  readonly model: string
  readonly gpu: string
  readonly tp: number
  readonly engine: string
  readonly precision?: WeightPrecision
  /** As the engine chooses for the weights when absent. */
  readonly kvPrecision?: KvPrecision
  readonly ep?: number
  /** GPUs by which each expert is sharded; what `ep` leaves of `tp` when absent. */
  readonly moeTp?: number
  /** Data-parallel ranks; 1 when absent. */
  readonly dp?: number
  /** Tokens of KV cache, where the engine printed them; otherwise what fits. */
  readonly kvTokens?: number
  readonly gpuMemoryUtilization?: number
  readonly maxBatchTokens?: number
  /** Tokens per KV block. */
  readonly blockTokens?: number
  readonly maxNumSeqs?: number
  readonly chunkedPrefill?: boolean
  /** Whether prefixes are cached, for which engines keep states of linear layers; true when absent. */
  readonly prefixCaching?: boolean
  /** As `BackendSpec` has them. */
  readonly pollSteps?: number
  readonly promptsTogether?: TogetherOptions
  /** Host work of a step that the GPUs wait for, in ms; 0 when absent. */
  readonly hostMsPerStep?: number
  /** How kernels are replayed: `full` when absent. */
  readonly cudaGraphs?: CudaGraphs
  /** Step times; the roofline when absent. */
  readonly latency?: LatencyModel
}

/** A backend, and the engine whose defaults it has. */
export interface Deployment {
  readonly backend: BackendSpec
  readonly engine: EnginePreset
}

/** Requests that wait at an engine are not limited by it. */
const NO_LIMIT = 2 ** 31 - 1

/** A backend from public figures of its parts. */
export function deployment(options: DeploymentOptions): Deployment {
  const model = findModel(options.model)
  const gpu = findGpu(options.gpu)
  const engine = findEngine(options.engine)
  const precision = options.precision ?? model.weights
  const kvPrecision = options.kvPrecision ?? engine.kvPrecision(model, precision)
  const maxNumSeqs = options.maxNumSeqs ?? engine.maxNumSeqs(gpu)
  const blockTokens = options.blockTokens ?? engine.kvBlockTokens
  const parts = { model, gpu, precision, kvPrecision }
  const { tp, ep = 1, moeTp, dp = 1 } = options
  const parallelism = { tp, pp: 1, ep, moeTp, dp }
  const ranks = ranksSharingExperts(parallelism)
  const maxBatchTokens = options.maxBatchTokens ?? engine.maxBatchTokens(gpu, ranks)
  const { blocks, sequences } =
    options.kvTokens === undefined
      ? kvCapacity({
          ...parts,
          tp,
          pp: 1,
          expertGpus: tp * ranks,
          gpuMemoryUtilization:
            options.gpuMemoryUtilization ??
            engine.gpuMemoryUtilization({ gpu, tp, pp: 1, ranks, maxBatchTokens }),
          maxBatchTokens,
          maxNumSeqs,
          blockTokens,
          budget: engine.kvBudget,
          statesPerRequest: options.prefixCaching === false ? 1 : engine.statesPerRequest,
        })
      : { blocks: Math.floor(options.kvTokens / blockTokens), sequences: maxNumSeqs }
  const latency =
    options.latency ??
    rooflineLatency({
      ...parts,
      parallelism,
      hostMsPerRequest: engine.hostMsPerRequest,
      hostMsPerStep: options.hostMsPerStep ?? 0,
      launchMsPerLayer: engine.launchMsPerLayer(model),
      promptGraphTokens: engine.promptGraphTokens,
      cudaGraphs: options.cudaGraphs ?? 'full',
      kernelFloorScale: engine.kernelFloorScale,
      granularity: 'step',
    })
  return {
    engine,
    backend: {
      role: 'both',
      latency,
      dp,
      lockstep: exchangesTokens(parallelism),
      kv: { blocks, blockTokens },
      kvLinkShare: kvShareOfGpu(model, tp, 1),
      maxBatchTokens,
      maxNumSeqs: sequences,
      maxQueueDepth: NO_LIMIT,
      chunkedPrefill: options.chunkedPrefill ?? engine.chunkedPrefill,
      batching: engine.batching,
      ...(options.pollSteps !== undefined && { pollSteps: options.pollSteps }),
      ...(options.promptsTogether !== undefined && { promptsTogether: options.promptsTogether }),
      preemption: engine.preemption,
      reservedOutputShare: engine.reservedOutputShare,
    },
  }
}
