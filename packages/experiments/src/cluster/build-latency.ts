import { readFileSync } from 'node:fs'
import { type LatencyModel, RouteSimError } from '@routesim/core'
import {
  affineLatency,
  exchangesTokens,
  findAffineProfile,
  findEngine,
  findGpu,
  findLink,
  type KvPrecision,
  mockerLatency,
  type Parallelism,
  parseLatencyTable,
  piecewiseLatency,
  type RooflineLatency,
  type RooflineOptions,
  rooflineLatency,
  tableLatency,
} from '@routesim/hardware'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { resolveModel } from './resolve-model.js'

/**
 * The latency model of a cluster.
 * @throws RouteSimError `latency_invalid`, naming the key; `latency_unreadable`, `latency_table_invalid`
 */
export function buildLatency(config: DeploymentConfig): LatencyModel {
  try {
    return build(config)
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.code !== 'latency_invalid') throw error
    const message = error.message.replace(/\b[a-z]+(?:[A-Z][a-z]*|\d)+\b/g, (name) =>
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    )
    const path = 'cluster.compute_model'
    throw new RouteSimError(`${path}.${message}`, { code: error.code, path, cause: error })
  }
}

function build(config: DeploymentConfig): LatencyModel {
  const { compute_model: model } = config
  switch (model.kind) {
    case 'piecewise':
      return piecewiseLatency({
        prefillTokensPerSec: model.prefill_tokens_per_sec,
        decodeTokensPerSecBatch1: model.decode_tokens_per_sec_batch1,
        decodeThroughputSaturationBatch: model.decode_throughput_saturation_batch,
        decodeTokensPerSecSaturated: model.decode_tokens_per_sec_saturated,
      })
    case 'affine':
      return affineLatency({
        baseMs: model.base_ms,
        prefillMsPerToken: model.prefill_ms_per_token,
        decodeMsPerRequest: model.decode_ms_per_request,
        decodeMsPerContextToken: model.decode_ms_per_context_token,
        mixedDecodeMsPerContextToken:
          model.mixed_decode_ms_per_context_token ?? model.decode_ms_per_context_token,
        prefillMsPerAttentionPair: model.prefill_ms_per_attention_pair,
      })
    case 'profile':
      return affineLatency(findAffineProfile(model.name))
    case 'table':
      return tableLatency(parseLatencyTable(readTable(model.path), model.path))
    case 'mocker':
      return mockerLatency({ totalKvTokens: config.kv_cache_blocks * config.kv_block_size })
    case 'roofline':
      return rooflineOf(config)
  }
}

/** What the keys of a roofline and its deployment say; the cluster must name a model. */
export function rooflineOf(config: DeploymentConfig): RooflineLatency {
  return rooflineLatency(rooflineOptionsOf(config))
}

/** @throws RouteSimError `config_invalid` when the cluster has no model or no roofline */
export function rooflineOptionsOf(config: DeploymentConfig): RooflineOptions {
  const { compute_model: options } = config
  if (options.kind !== 'roofline' || config.model === undefined || config.engine === undefined) {
    throw new RouteSimError<ExperimentsErrorCode>('cluster.model: expected a name, got nothing', {
      code: 'config_invalid',
      path: 'cluster.model',
    })
  }
  const model = resolveModel(config.model)
  const engine = findEngine(config.engine)
  return {
    model,
    gpu: findGpu(config.gpu ?? config.gpu_type),
    parallelism: parallelismOf(config),
    precision: config.precision ?? model.weights,
    kvPrecision: kvPrecisionOf(config),
    hostMsPerRequest: options.host_ms_per_request ?? engine.hostMsPerRequest,
    hostMsPerStep: options.host_ms_per_step,
    launchMsPerLayer: options.launch_ms_per_layer ?? engine.launchMsPerLayer(model),
    promptGraphTokens: options.prompt_graph_tokens ?? engine.promptGraphTokens,
    cudaGraphs: options.cuda_graphs,
    kernelFloorScale: engine.kernelFloorScale,
    granularity: options.granularity,
    timeScales: {
      matmul: options.matmul_scale,
      attention: options.attention_scale,
      overhead: options.overhead_scale,
      communication: options.communication_scale,
    },
    ...(options.link === undefined ? {} : { link: findLink(options.link) }),
  }
}

/** How a backend is spread over its GPUs. */
function parallelismOf({ tp, pp, ep, moe_tp: moeTp, dp }: DeploymentConfig): Parallelism {
  return { tp, pp, ep, moeTp, dp }
}

/** Whether data-parallel ranks start their steps together. */
export function stepTogether(config: DeploymentConfig): boolean {
  return config.dp_lockstep ?? exchangesTokens(parallelismOf(config))
}

/** Precision of the KV cache, as the engine chooses for the weights. */
export function kvPrecisionOf({
  kv_precision,
  engine,
  model,
  precision,
}: DeploymentConfig): KvPrecision {
  if (kv_precision !== undefined) return kv_precision
  if (engine === undefined || model === undefined) return 'bf16'
  const known = resolveModel(model)
  return findEngine(engine).kvPrecision(known, precision ?? known.weights)
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `cluster.compute_model.path: ${path}: ${whyUnreadable(cause)}`,
      { code: 'latency_unreadable', path, cause },
    )
  }
}
