import type { BackendRole, BackendSpec, ClusterSpec, KvTransfer } from '@routesim/core'
import {
  findGpu,
  findLink,
  kvBytesOfContext,
  kvBytesPerToken,
  pagedKvCache,
  radixKvCache,
} from '@routesim/hardware'
import type { ClusterConfig, Config } from '../config/schema.js'
import { buildLatency, kvPrecisionOf } from './build-latency.js'
import { resolveModel } from './resolve-model.js'

/** A cluster ready to simulate, and what it costs. */
export interface Fleet {
  readonly cluster: ClusterSpec
  /** Name of the GPU in the catalogue. */
  readonly gpu: string
  /** USD per hour of each backend. */
  readonly pricePerHour: readonly number[]
}

/** `fast` skips from one change of a batch to the next; `reference` simulates every step, to check it. */
export type Stepper = 'fast' | 'reference'

/** @throws RouteSimError `gpu_unknown`, with a suggestion */
export function buildFleet({ cluster: config }: Config, stepper: Stepper = 'fast'): Fleet {
  const gpu = findGpu(config.gpu ?? config.gpu_type)
  const latency = buildLatency(config)
  const pools = config.disaggregated
  const backends = Array.from({ length: config.num_backends }, (_, id): BackendSpec => {
    const role: BackendRole = !pools.enabled
      ? 'both'
      : id < pools.prefill_backends
        ? 'prefill'
        : 'decode'
    return {
      role,
      latency,
      kv: { blocks: config.kv_cache_blocks, blockTokens: config.kv_block_size },
      maxBatchTokens: config.max_batch_tokens,
      maxNumSeqs: config.max_num_seqs,
      maxQueueDepth: config.max_queue_depth,
      chunkedPrefill: config.chunked_prefill,
    }
  })
  const pricePerHour = config.price_per_hour ?? gpu.pricePerHourUsd * config.tp * config.pp
  return {
    gpu: gpu.name,
    pricePerHour: backends.map(() => pricePerHour),
    cluster: {
      backends,
      kvCache: (stepper === 'fast' ? radixKvCache : pagedKvCache)({
        prefixCaching: config.prefix_caching,
      }),
      kvTransfer: kvTransferOf(config),
    },
  }
}

function kvTransferOf(config: ClusterConfig): KvTransfer {
  const { disaggregated: pools, model } = config
  const link = pools.kv_transfer_link === undefined ? undefined : findLink(pools.kv_transfer_link)
  return {
    latencyMs: link?.latencyMs ?? pools.kv_transfer_latency_us / 1000,
    bandwidthBytesPerSec:
      link === undefined
        ? pools.kv_transfer_bandwidth_gb_s * 1e9
        : link.bandwidthBytesPerSec * link.efficiency,
    bytesPerToken:
      model === undefined
        ? kvBytesPerToken({
            numLayers: pools.num_layers,
            numKvHeads: pools.num_kv_heads,
            headDim: pools.head_dim,
          })
        : kvBytesOfContext(resolveModel(model), 1, kvPrecisionOf(config)),
  }
}
