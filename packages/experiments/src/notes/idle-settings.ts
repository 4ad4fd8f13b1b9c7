import { tellsKvEvents } from '@routesim/core'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import { type Config, configSchema } from '../config/schema.js'
import { toVisibility } from '../visibility/resolve-visibility.js'
import { listed } from './listed.js'

/** Keys that were given, and what they go with. */
interface Dependents {
  readonly keys: readonly string[]
  readonly on: string
  readonly isThere: boolean
  /** What they change all the same. */
  readonly but?: string
}

/**
 * Notes on settings of a config that change nothing, because what they go with is absent or off.
 * @param changed - paths of those by which it is held against others
 */
export function idleSettings(
  { cluster, visibility }: Config,
  changed: readonly string[] = [],
): string[] {
  const defaults = configSchema.parse({ cluster: { num_backends: 1 } }, { jitless: true })
  const { metrics, prefixes, routers } = toVisibility(visibility)
  const seen = keysGiven('visibility', visibility, defaults.visibility)
  const split = keysGiven(
    'cluster.disaggregated',
    cluster.disaggregated,
    defaults.cluster.disaggregated,
  )
  const dependents = [
    ...(cluster.backends ?? [cluster]).flatMap((group) =>
      ofGroup(group, defaults.cluster, changed),
    ),
    {
      // Its other keys are the size of a KV cache, which counts without.
      keys: split.filter((key) => /\.(prefill|decode|kv_transfer)_/.test(key)),
      on: 'enabled = true',
      isThere: cluster.disaggregated.enabled,
    },
    {
      keys: seen.filter((key) => key.includes('.metrics_')),
      on: 'metrics = "polled"',
      isThere: typeof metrics !== 'string',
    },
    {
      keys: seen.filter((key) => key.includes('.kv_')),
      on: 'prefixes = "kv_events"',
      isThere: tellsKvEvents(prefixes),
    },
    {
      keys: seen.filter((key) => key.includes('.approximate_')),
      on: 'prefixes = "approximate"',
      isThere: typeof prefixes !== 'string' && !tellsKvEvents(prefixes),
    },
    {
      keys: seen.filter((key) => key.includes('.router_')),
      on: 'several routers',
      isThere: routers.replicas > 1,
    },
  ]
  return notesOn(dependents)
}

function ofGroup(
  group: DeploymentConfig,
  defaults: DeploymentConfig,
  changed: readonly string[],
): Dependents[] {
  const { kv_offload: offload, lora } = group
  const own = keysGiven('cluster', group, defaults)
  const offloading = keysGiven('cluster.kv_offload', offload, defaults.kv_offload)
  return [
    {
      keys: own.filter((key) => /\.(precision|kv_precision|kv_context_tokens)$/.test(key)),
      on: 'a model',
      isThere: group.model !== undefined,
    },
    {
      // Step times that somebody gave are those of these GPUs, and `gpu_type` is there for the price, unless two
      // kinds are compared.
      keys: own.filter((key) => /\.(gpu|tp|pp)$/.test(key) || isGpuType(key, changed)),
      on: 'a model',
      isThere: group.model !== undefined || group.compute_model.kind !== 'piecewise',
      but: 'the price',
    },
    {
      keys: offloading.filter((key) => key.includes('.cpu_')),
      on: 'cpu_gb or cpu_blocks',
      isThere: (offload.cpu_gb ?? offload.cpu_blocks) !== undefined,
    },
    {
      keys: offloading.filter((key) => key.includes('.disk_')),
      on: 'disk_gb or disk_blocks',
      isThere: (offload.disk_gb ?? offload.disk_blocks) !== undefined,
    },
    {
      keys: keysGiven('cluster.lora', lora, defaults.lora),
      on: 'max_loras',
      isThere: lora.max_loras !== undefined,
    },
  ]
}

function isGpuType(key: string, changed: readonly string[]): boolean {
  return key.endsWith('.gpu_type') && changed.some((path) => path.endsWith('.gpu_type'))
}

/** Paths of what differs from its default. */
function keysGiven<Table extends object>(path: string, table: Table, defaults: Table): string[] {
  return Object.entries(table)
    .filter(([key, value]) => value !== Reflect.get(defaults, key))
    .map(([key]) => `${path}.${key}`)
}

/** What counts for one group of backends is not idle. */
function notesOn(dependents: readonly Dependents[]): string[] {
  const busy = new Set(dependents.flatMap(({ keys, isThere }) => (isThere ? keys : [])))
  const notes = dependents.flatMap(({ keys, on, isThere, but }) => {
    const idle = isThere ? [] : keys.filter((key) => !busy.has(key))
    if (idle.length === 0) return []
    const effect = but === undefined ? 'no effect' : `no effect but on ${but}`
    return [`${listed(idle)} ${idle.length === 1 ? 'has' : 'have'} ${effect} without ${on}`]
  })
  return [...new Set(notes)]
}
