import { checkValues } from '../config/parse-config.js'
import type { Config } from '../config/schema.js'
import type { ServingSimPoint } from './combinations.js'
import { modelIn } from './extensions.js'
import type { InstanceGroup } from './instances.js'
import { scheduling } from './policies.js'

/** What is the same in all combinations. */
export interface ServingSimFleet {
  readonly prefill: readonly InstanceGroup[]
  readonly decode: readonly InstanceGroup[]
  /** Keys of `[cluster]` for all instances. */
  readonly defaults: InstanceGroup
  readonly kvTransfer: ServingSimTransfer
  /** Folder of policies that are named. */
  readonly extensions: string | undefined
  readonly seed: number
}

/** How KV caches travel, and who knows in time where to. */
export interface ServingSimTransfer {
  /** Bandwidth in 10^9 bytes per second. */
  readonly gbPerSec: number
  readonly contention: 'none' | 'exclusive'
  readonly overlap: 'none' | 'layerwise'
  /** When it is decided where to decode; in the serving simulator at the hand-over. */
  readonly decodeDecision: 'arrival' | 'hand_over'
}

/** Queues of the serving simulator have no end. */
const NO_QUEUE_LIMIT = 2 ** 30

/**
 * What all instances have in common. As in the serving simulator, all memory but that of the weights is
 * there for KV, and no prompt shares anything.
 */
export function instanceDefaults(model: string, extensions?: string): InstanceGroup {
  return {
    model: modelIn(extensions, modelName(model)),
    gpu_memory_utilization: 1,
    max_queue_depth: NO_QUEUE_LIMIT,
  }
}

/**
 * The config of one combination.
 * @throws RouteSimError `config_invalid`, `policy_unknown`
 */
export function toConfig(fleet: ServingSimFleet, point: ServingSimPoint): Config {
  const { prefill, decode, defaults, kvTransfer, extensions, seed } = fleet
  const { ttftSlo, tpotSlo } = point
  const local = {
    prefill: scheduling(point.prefillLocal, ttftSlo, extensions),
    decode: scheduling(point.decodeLocal, ttftSlo, extensions),
  }
  const values = {
    simulation: { name: 'serving-sim', seed },
    cluster: {
      ...defaults,
      prefix_caching: false,
      disaggregated: {
        enabled: true,
        kv_transfer_latency_us: 0,
        kv_transfer_bandwidth_gb_s: kvTransfer.gbPerSec,
        kv_transfer_contention: kvTransfer.contention,
        kv_transfer_overlap: kvTransfer.overlap,
        decode_decision: kvTransfer.decodeDecision,
      },
      backends: [
        ...prefill.map((group) => ({ scheduling: local.prefill, ...group })),
        ...decode.map((group) => ({ scheduling: local.decode, ...group })),
      ],
    },
    slo: { ttft_ms: ttftSlo * 1000, tpot_ms: tpotSlo * 1000 },
  }
  return checkValues(values, '', 'serving-sim')
}

/** The name in the catalogue does not depend on who has uploaded the weights. */
function modelName(id: string): string {
  return id.endsWith('.json') ? id : id.slice(id.lastIndexOf('/') + 1)
}
