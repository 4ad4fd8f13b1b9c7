import { findGpu, MOST_STORED_BLOCKS } from '@routesim/hardware'
import type { Stepper } from '../cluster/build-cluster.js'
import type { ConfigSource } from '../config/config-source.js'
import { parseSpec } from '../config/parse-spec.js'
import type { Config } from '../config/schema.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import { searchInvalid } from './search-options.js'

/** Fleets larger than this many times the config's are not tried. */
const MOST_GROWTH = 64
/** Backends that a config may have in all. */
const MOST_BACKENDS = 4096

/** A kind of fleet behind an algorithm whose capacity is sought. */
export interface Candidate {
  readonly choice: AlgorithmChoice
  /** The GPU type as asked for; undefined for that of the config. */
  readonly gpu: string | undefined
  /** Config values that make it. */
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * Every algorithm behind every GPU type.
 *
 * @param gpus - names, perhaps with keys of `[cluster]`, such as `L40S:tp=2`
 * @throws RouteSimError `gpu_unknown`, `search_invalid`
 */
export function candidatesOf(
  choices: readonly AlgorithmChoice[],
  gpus: readonly string[] | undefined,
  source: ConfigSource,
): Candidate[] {
  if (gpus === undefined) {
    return choices.map((choice) => ({ choice, gpu: undefined, settings: {} }))
  }
  const { cluster } = source.config
  if (!source.isWritten || cluster.model === undefined || cluster.backends !== undefined) {
    throw searchInvalid(
      'gpus',
      'a config that says cluster.model, from which the step times of each GPU follow, and no [[cluster.backends]]',
      source.path ?? (source.isWritten ? 'one without' : 'one that parseConfig did not make'),
      'Give cluster.model = "llama-3.1-8b" or the like, and leave compute_model and kv_cache_blocks out.',
    )
  }
  if (cluster.compute_model.kind !== 'roofline') {
    throw searchInvalid(
      'gpus',
      'step times that follow from the GPU (compute_model.kind "roofline")',
      `"${cluster.compute_model.kind}"`,
    )
  }
  if (gpus.length === 0) throw searchInvalid('gpus', 'at least one GPU type', 'none')
  return gpus.flatMap((spec) => {
    const kind = { path: 'gpus', named: 'GPU', code: 'search_invalid' } as const
    const { name, parameters } = parseSpec(spec, kind)
    const gpu = findGpu(name).name
    const own = Object.entries(parameters).map(([key, value]) => [`cluster.${key}`, value])
    const settings = { 'cluster.gpu': gpu, ...Object.fromEntries(own) }
    return choices.map((choice) => ({ choice, gpu: spec.trim().replace(name, gpu), settings }))
  })
}

/** How many backends a fleet may have, and which config values say so. */
export interface FleetSizes {
  /** Of the config. */
  readonly start: number
  readonly min: number
  readonly max: number
  /** Why fleets smaller than `min` are no configs, where they would still be fleets. */
  readonly bound?: string | undefined
  settingsOf(count: number): Readonly<Record<string, number>>
}

/**
 * What makes a fleet larger or smaller: `cluster.num_backends`, and with pools that prefill and decode
 * both in their proportion. It has the backends that `[[events]]` name, and no more KV blocks than its stepper takes.
 *
 * @param scale - the path that counts instead
 * @throws RouteSimError `search_invalid` when a fleet of different backends says no path
 */
export function fleetSizes(
  config: Config,
  scale: string | undefined,
  stepper: Stepper,
): FleetSizes {
  const { cluster } = config
  const { backends, num_backends: all, disaggregated: pools } = cluster
  if (scale !== undefined) {
    const start = numberAt(cluster, scale)
    const range = sizeRange(config, start, countedBy(cluster, scale), stepper)
    return { start, ...range, settingsOf: (count) => ({ [scale]: count }) }
  }
  if (backends !== undefined) {
    throw searchInvalid(
      'scale',
      'the path that counts the backends of one group, because [[cluster.backends]] has several',
      undefined,
      'Give --scale cluster.backends.0.count, and leave cluster.num_backends out.',
    )
  }
  const range = sizeRange(config, all, cluster, stepper)
  if (!pools.enabled) {
    return { start: all, ...range, settingsOf: (count) => ({ 'cluster.num_backends': count }) }
  }
  const share = pools.prefill_backends / all
  const settingsOf = (count: number): Record<string, number> => {
    const prefill = Math.min(count - 1, Math.max(1, Math.round(count * share)))
    return {
      'cluster.num_backends': count,
      'cluster.disaggregated.prefill_backends': prefill,
      'cluster.disaggregated.decode_backends': count - prefill,
    }
  }
  // One backend of each pool is the least in any case.
  return { start: all, ...range, ...(range.min <= 2 && { min: 2, bound: undefined }), settingsOf }
}

/** Memory of a backend. */
interface BackendSize {
  readonly dp: number
  readonly kv_cache_blocks: number
}

/** What is counted at a path; undefined when it is no count of backends. */
function countedBy(cluster: Config['cluster'], path: string): BackendSize | undefined {
  const group = /^cluster\.backends\.(\d+)\.count$/.exec(path)?.[1]
  if (group !== undefined) return cluster.backends?.[Number(group)]
  return path === 'cluster.num_backends' ? cluster : undefined
}

/**
 * The smallest and the largest count of a kind of backends, of which the config has so many, that a config may say.
 */
function sizeRange(
  { cluster, events }: Config,
  count: number,
  kind: BackendSize | undefined,
  stepper: Stepper,
): Omit<FleetSizes, 'start' | 'settingsOf'> {
  const max = count * MOST_GROWTH
  if (kind === undefined) return { min: 1, max }
  const { backends, num_backends: all } = cluster
  const blocksOf = (each: BackendSize): number => each.dp * each.kv_cache_blocks
  const blocks =
    backends?.reduce((sum, group) => sum + group.count * blocksOf(group), 0) ??
    all * blocksOf(cluster)
  const mostBlocks = stepper === 'fast' ? Number.POSITIVE_INFINITY : MOST_STORED_BLOCKS
  const room = Math.max(0, Math.floor((mostBlocks - blocks) / blocksOf(kind)))
  const more = Math.min(MOST_BACKENDS - all, room)
  const named = Math.max(0, ...events.map(({ backend }) => backend + 1))
  const sizes = { min: Math.max(1, named - (all - count)), max: Math.min(max, count + more) }
  return sizes.min === 1 ? sizes : { ...sizes, bound: `[[events]] name backend ${named - 1}` }
}

function numberAt(cluster: object, path: string): number {
  let found: unknown = { cluster }
  for (const key of path.split('.')) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined
  }
  if (typeof found === 'number' && Number.isInteger(found) && found >= 1) return found
  throw searchInvalid(
    'scale',
    'the path of a count in the config',
    found === undefined ? `nothing at ${path}` : `${path} = ${found}`,
  )
}
