import { type AdapterCapacity, type KvTier, RouteSimError } from '@routesim/core'
import {
  adapterBytes,
  findLink,
  kvShare,
  kvShareOfGpu,
  largestStage,
  sustainedBytesPerSec,
} from '@routesim/hardware'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { resolveModel } from './resolve-model.js'

/** KV bytes of one token by where they lie. */
interface KvBytes {
  /** On one GPU of the stage with the most layers, which loads its own part. */
  readonly perGpu: number
  /** On all GPUs, with the heads that several of them have. */
  readonly inAll: number
}

/** How the KV of one token is spread over the GPUs of a scheduler. */
export function kvSpread(group: DeploymentConfig, bytesPerToken: number): KvBytes {
  const { model: name, tp, pp } = group
  const model = name === undefined ? undefined : resolveModel(name)
  if (model === undefined) return { perGpu: bytesPerToken / (tp * pp), inAll: bytesPerToken }
  return {
    perGpu: bytesPerToken * kvShareOfGpu(model, tp, pp),
    inAll: bytesPerToken * kvShare(model, tp) * tp,
  }
}

/**
 * The tiers below the KV cache of a backend, none by default.
 * @throws RouteSimError `config_invalid` when one has no room for a block
 */
export function kvTiersOf(group: DeploymentConfig, bytesPerToken: number): KvTier[] {
  const { kv_offload: offload, kv_block_size: blockTokens } = group
  const { perGpu, inAll } = kvSpread(group, bytesPerToken)
  const link = offload.cpu_link === undefined ? undefined : findLink(offload.cpu_link)
  const cpuBytesPerMs =
    link === undefined ? offload.cpu_bandwidth_gb_s * 1e6 : sustainedBytesPerSec(link) / 1000
  const cpu = blocksOf('cpu', offload.cpu_blocks, offload.cpu_gb, inAll * blockTokens)
  const disk = blocksOf('disk', offload.disk_blocks, offload.disk_gb, inAll * blockTokens)
  const tiers: KvTier[] = []
  if (cpu !== undefined) {
    tiers.push({
      name: 'cpu',
      blocks: cpu,
      latencyMs: link?.latencyMs ?? offload.cpu_latency_us / 1000,
      msPerBlock: (perGpu * blockTokens) / cpuBytesPerMs,
    })
  }
  if (disk !== undefined) {
    tiers.push({
      name: 'disk',
      blocks: disk,
      latencyMs: offload.disk_latency_us / 1000,
      msPerBlock: (inAll * blockTokens) / (offload.disk_bandwidth_gb_s * 1e6),
    })
  }
  return tiers
}

function blocksOf(
  tier: 'cpu' | 'disk',
  blocks: number | undefined,
  gigabytes: number | undefined,
  blockBytes: number,
): number | undefined {
  if (blocks !== undefined || gigabytes === undefined) return blocks
  const fitting = Math.floor((gigabytes * 1e9) / blockBytes)
  if (fitting >= 1) return fitting
  const path = `cluster.kv_offload.${tier}_gb`
  throw new RouteSimError<ExperimentsErrorCode>(
    `${path}: expected room for a KV block of ${blockBytes / 1e9} GB, got ${gigabytes}`,
    { code: 'config_invalid', path },
  )
}

/** Slots for LoRA adapters, none by default. Every GPU gets its part over a link of its own; one with the most layers is last. */
export function adaptersOf({ lora, model, tp, pp }: DeploymentConfig): AdapterCapacity | undefined {
  const { max_loras: slots, load_ms, rank, bandwidth_gb_s } = lora
  if (slots === undefined) return undefined
  // The schema asks for one of them.
  const served = model === undefined ? undefined : resolveModel(model)
  const bytes = served === undefined ? 0 : adapterBytes(served, rank, tp) * largestStage(served, pp)
  return { slots, loadMs: load_ms ?? bytes / (bandwidth_gb_s * 1e6) }
}
