import type { BackendRole, BackendSpec, ClusterSpec, LatencyModel } from '@routesim/core'
import {
  affineLatency,
  findGpu,
  kvBytesPerToken,
  piecewiseLatency,
  radixKvCache,
} from '@routesim/hardware'
import type { Config } from '../config/schema.js'

/** A cluster ready to simulate, and what it costs. */
export interface Fleet {
  readonly cluster: ClusterSpec
  /** Name of the GPU in the catalogue. */
  readonly gpu: string
  /** USD per hour of each backend. */
  readonly pricePerHour: readonly number[]
}

/** @throws RouteSimError `gpu_unknown`, with a suggestion */
export function buildFleet({ cluster: config }: Config): Fleet {
  const gpu = findGpu(config.gpu_type)
  const latency = buildLatency(config.compute_model)
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
  const pricePerHour = config.price_per_hour ?? gpu.pricePerHourUsd
  return {
    gpu: gpu.name,
    pricePerHour: backends.map(() => pricePerHour),
    cluster: {
      backends,
      kvCache: radixKvCache({ prefixCaching: config.prefix_caching }),
      kvTransfer: {
        latencyMs: pools.kv_transfer_latency_us / 1000,
        bandwidthBytesPerSec: pools.kv_transfer_bandwidth_gb_s * 1e9,
        bytesPerToken: kvBytesPerToken({
          numLayers: pools.num_layers,
          numKvHeads: pools.num_kv_heads,
          headDim: pools.head_dim,
        }),
      },
    },
  }
}

function buildLatency(model: Config['cluster']['compute_model']): LatencyModel {
  if (model.kind === 'affine') {
    return affineLatency({
      baseMs: model.base_ms,
      prefillMsPerToken: model.prefill_ms_per_token,
      decodeMsPerRequest: model.decode_ms_per_request,
      decodeMsPerContextToken: model.decode_ms_per_context_token,
    })
  }
  return piecewiseLatency({
    prefillTokensPerSec: model.prefill_tokens_per_sec,
    decodeTokensPerSecBatch1: model.decode_tokens_per_sec_batch1,
    decodeThroughputSaturationBatch: model.decode_throughput_saturation_batch,
    decodeTokensPerSecSaturated: model.decode_tokens_per_sec_saturated,
  })
}
