export { ENGINES, findEngine } from './engines/engine-catalogue.js'
export type { EnginePlace, EnginePreset } from './engines/engine-preset.js'
export type { HardwareErrorCode } from './errors/hardware-error-code.js'
export { findGpu } from './gpus/find-gpu.js'
export type { DenseFlops, Gpu, GpuArchitecture, GpuSource } from './gpus/gpu.js'
export { GPUS } from './gpus/gpu-catalogue.js'
export type { BlockListener, BlockNames } from './kv-cache/block-store.js'
export { ContentKvCache, type ContentKvCacheOptions } from './kv-cache/content-kv-cache.js'
export {
  type KvBudget,
  type KvCapacity,
  type KvCapacityOptions,
  kvCapacity,
} from './kv-cache/kv-capacity.js'
export { type PagedKvCacheOptions, pagedKvCache } from './kv-cache/paged-kv-cache.js'
export { type RadixKvCacheOptions, radixKvCache } from './kv-cache/radix-kv-cache.js'
export { MOST_STORED_BLOCKS } from './kv-cache/stored-kv-cache.js'
export { warmKvCache } from './kv-cache/warm-kv-cache.js'
export { type KvShape, kvBytesPerToken } from './kv-transfer/kv-bytes-per-token.js'
export { type AffineLatencyOptions, affineLatency } from './latency/affine-latency.js'
export {
  AFFINE_PROFILES,
  type AffineProfile,
  findAffineProfile,
} from './latency/affine-profiles.js'
export type { CudaGraphs } from './latency/cuda-graphs.js'
export {
  type CachedKvRead,
  KERNEL_EFFICIENCIES,
  type KernelEfficiency,
  type PartsOfPeak,
} from './latency/kernel-efficiency.js'
export { type LatencyTableRow, parseLatencyTable } from './latency/latency-table.js'
export { type MockerLatencyOptions, mockerLatency } from './latency/mocker-latency.js'
export { type PiecewiseLatencyOptions, piecewiseLatency } from './latency/piecewise-latency.js'
export {
  type RooflineLatency,
  rooflineLatency,
  type StepBreakdown,
} from './latency/roofline-latency.js'
export {
  canSpreadExperts,
  exchangesTokens,
  type Parallelism,
  type RooflineOptions,
  ranksSharingExperts,
  type TimeScales,
} from './latency/roofline-options.js'
export { tableLatency } from './latency/table-latency.js'
export { allReduceMs, allToAllMs, messageMs } from './links/collectives.js'
export { findLink } from './links/find-link.js'
export { type Link, sustainedBytesPerSec } from './links/link.js'
export { LINKS } from './links/link-catalogue.js'
export { adapterBytes, adapterParameters } from './models/adapter-bytes.js'
export { findModel, MODELS } from './models/find-model.js'
export { modelFromHuggingFaceConfig } from './models/hugging-face-config.js'
export type {
  Checkpoint,
  Experts,
  FormatShare,
  GroupedQueryAttention,
  LatentAttention,
  LinearAttention,
  Model,
  TokenIndexer,
  WeightPart,
} from './models/model.js'
export {
  activeParameterCount,
  attentionFlopsPerPair,
  attentionLayers,
  flopsPerToken,
  kvBytesOfContext,
  kvShare,
  kvShareOfGpu,
  largestStage,
  type ModelParameters,
  modelParameters,
  parameterCount,
  stateBytesPerRequest,
  weightBytes,
  windowOf,
} from './models/model-size.js'
export { expectedPrecision } from './models/weight-formats.js'
export {
  type ComputePrecision,
  KV_PRECISIONS,
  type KvPrecision,
  WEIGHT_PRECISIONS,
  type WeightFormat,
  type WeightPrecision,
} from './precision/precision.js'
export { checkPublishedSteps, type PublishedStep } from './published/check-published-steps.js'
