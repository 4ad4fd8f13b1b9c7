import type { BackendRole, BackendSpec, ClusterSpec, KvTransfer } from '@routesim/core'
import {
  attentionLayers,
  findGpu,
  findLink,
  kvBytesOfContext,
  kvBytesPerToken,
  pagedKvCache,
  radixKvCache,
  stateBytesPerRequest,
  sustainedBytesPerSec,
} from '@routesim/hardware'
import { servedNames } from '../config/backend-groups.js'
import { DEFAULT_BALANCE } from '../config/deployment-defaults.js'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ClusterConfig, Config } from '../config/schema.js'
import { buildLatency, kvPrecisionOf, stepTogether } from './build-latency.js'
import { adaptersOf, kvSpread, kvTiersOf } from './build-memory.js'
import { resolveModel } from './resolve-model.js'
import { resolveScheduling } from './resolve-scheduling.js'
import { type StepCosts, scaledLatency } from './scaled-latency.js'

/** A cluster ready to simulate, and what it costs. */
export interface Fleet {
  readonly cluster: ClusterSpec
  /** Name of the GPU in the catalogue; the names of all, joined by ` + `. */
  readonly gpu: string
  /** Backends by their GPUs: `2 x H100 SXM`, or `1 x L4 + 2 x (8 x H100 SXM)` where some have several. */
  readonly description: string
  /** Backends that are alike, in order of their ids. */
  readonly groups: readonly FleetGroup[]
  /** USD per hour of each backend. */
  readonly pricePerHour: readonly number[]
  /** GPUs of each backend. */
  readonly gpuCounts: readonly number[]
}

/** Backends of a fleet that are alike. */
export interface FleetGroup {
  readonly count: number
  /** Name of the GPU in the catalogue, with how many of them make a backend where it is several. */
  readonly gpu: string
  readonly role: BackendRole
}

/** `fast` skips from one change of a batch to the next; `reference` simulates every step, to check it. */
export type Stepper = 'fast' | 'reference'

/** A config as a run takes it: perhaps with steps that cost more or less than it says. */
export type CostedConfig = Config & { readonly stepCosts?: StepCosts }

/**
 * The cluster that a config describes, ready to simulate.
 * @throws RouteSimError `gpu_unknown`, with a suggestion
 */
export function buildFleet(
  { cluster: config, stepCosts }: CostedConfig,
  stepper: Stepper = 'fast',
): Fleet {
  const groups = groupsOf(config)
  const gpus = new Set<string>()
  const alike = new Map<string, number>()
  const fleetGroups: FleetGroup[] = []
  const backends: BackendSpec[] = []
  const pricePerHour: number[] = []
  const gpuCounts: number[] = []
  for (const group of groups) {
    const spec = specOf(group, config, stepCosts)
    const gpu = findGpu(group.gpu ?? group.gpu_type)
    const gpuCount = group.tp * group.pp * group.dp
    const price = group.price_per_hour ?? gpu.pricePerHourUsd * gpuCount
    const gpusOfOne = gpuCount === 1 ? gpu.name : `(${gpuCount} x ${gpu.name})`
    gpus.add(gpu.name)
    fleetGroups.push({ count: group.count, gpu: gpusOfOne, role: group.role })
    alike.set(gpusOfOne, (alike.get(gpusOfOne) ?? 0) + group.count)
    for (let i = 0; i < group.count; i++) {
      backends.push(spec)
      pricePerHour.push(price)
      gpuCounts.push(gpuCount)
    }
  }
  return {
    gpu: [...gpus].join(' + '),
    description: [...alike].map(([name, count]) => `${count} x ${name}`).join(' + '),
    groups: fleetGroups,
    pricePerHour,
    gpuCounts,
    cluster: {
      backends,
      kvCache: (stepper === 'fast' ? radixKvCache : pagedKvCache)({
        prefixCaching: config.prefix_caching,
      }),
      kvTransfer: kvTransferOf(config),
    },
  }
}

/** Whether requests that name different models are shown different backends. */
export function isMixed(config: ClusterConfig): boolean {
  return new Set(groupsOf(config).map(({ served }) => served)).size > 1
}

interface Group extends DeploymentConfig {
  readonly count: number
  readonly role: BackendRole
  /** The model that requests name it by, if any. */
  readonly served: string | undefined
}

function groupsOf(config: ClusterConfig): Group[] {
  const groups = config.backends ?? poolsOf(config)
  const served = servedNames(groups)
  return groups.map((group, i) => ({ ...group, served: served[i] }))
}

/** The groups of a cluster that names none: all alike, or those that prefill and those that decode. */
function poolsOf(config: ClusterConfig): Omit<Group, 'served'>[] {
  const { enabled, prefill_backends, decode_backends } = config.disaggregated
  if (!enabled) return [{ ...config, count: config.num_backends, role: 'both' }]
  return [
    { ...config, count: prefill_backends, role: 'prefill' },
    { ...config, count: decode_backends, role: 'decode' },
  ]
}

function specOf(
  group: Group,
  cluster: ClusterConfig,
  stepCosts: StepCosts | undefined,
): BackendSpec {
  const { served } = group
  const model = group.model === undefined ? undefined : resolveModel(group.model)
  const kvBytes = kvBytesOf(group, cluster)
  const scheduling = resolveScheduling(group.scheduling)
  const tiers = kvTiersOf(group, kvBytes)
  const adapters = adaptersOf(group)
  const latency = buildLatency(group)
  return {
    role: group.role,
    ...(served === undefined ? {} : { model: served }),
    latency: stepCosts === undefined ? latency : scaledLatency(latency, stepCosts),
    kv: {
      blocks: group.kv_cache_blocks,
      blockTokens: group.kv_block_size,
      ...(tiers.length > 0 && { tiers }),
    },
    ...(adapters && { adapters }),
    kvBytesPerToken: kvBytes,
    // Every GPU has a link of its own; a bandwidth in numbers is that of a whole backend.
    ...(cluster.disaggregated.kv_transfer_link !== undefined && {
      kvLinkShare: kvSpread(group, 1).perGpu,
    }),
    ...(model !== undefined && {
      kvBytesPerRequest: stateBytesPerRequest(model),
      kvLayers: attentionLayers(model),
    }),
    maxBatchTokens: group.max_batch_tokens,
    maxNumSeqs: group.max_num_seqs,
    maxQueueDepth: group.max_queue_depth,
    ...(group.max_model_len !== undefined && { maxModelLen: group.max_model_len }),
    chunkedPrefill: group.chunked_prefill,
    dp: group.dp,
    lockstep: stepTogether(group),
    ...(group.attention_dp_balance && {
      promptsTogether: {
        timeoutSteps: group.attention_dp_timeout_iters ?? DEFAULT_BALANCE.timeoutIters,
        batchingSteps: group.attention_dp_batching_wait_iters ?? DEFAULT_BALANCE.batchingWaitIters,
      },
    }),
    pollSteps: group.scheduler_recv_interval,
    frontEndMs: group.front_end_ms,
    ...(scheduling === undefined ? {} : { scheduling }),
    batching: group.batching,
    preemption: group.preemption,
    reservedOutputShare: group.reserved_output_share,
    // Every GPU moves its own part.
    swapMsPerToken: kvSpread(group, kvBytes).perGpu / (group.swap_bandwidth_gb_s * 1e6),
  }
}

/** Bytes of KV cache of one token, in the mean of the context by which the KV blocks that fit are counted. */
function kvBytesOf(config: DeploymentConfig, { disaggregated: shape }: ClusterConfig): number {
  const { model, kv_context_tokens: contextTokens = 1 } = config
  return model === undefined
    ? kvBytesPerToken({
        numLayers: shape.num_layers,
        numKvHeads: shape.num_kv_heads,
        headDim: shape.head_dim,
      })
    : kvBytesOfContext(resolveModel(model), contextTokens, kvPrecisionOf(config)) / contextTokens
}

function kvTransferOf(config: ClusterConfig): KvTransfer {
  const { disaggregated: pools } = config
  const link = pools.kv_transfer_link === undefined ? undefined : findLink(pools.kv_transfer_link)
  return {
    latencyMs: link?.latencyMs ?? pools.kv_transfer_latency_us / 1000,
    bandwidthBytesPerSec:
      link === undefined ? pools.kv_transfer_bandwidth_gb_s * 1e9 : sustainedBytesPerSec(link),
    bytesPerToken: kvBytesOf(config, config),
    contention: pools.kv_transfer_contention,
    ...(pools.kv_transfer_overlap === 'layerwise' && { overlappedLayers: pools.num_layers }),
  }
}
