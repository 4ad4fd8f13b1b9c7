import { MOST_STORED_BLOCKS } from '@routesim/hardware'
import type { Stepper } from '../cluster/build-cluster.js'
import type { Config } from '../config/schema.js'
import type { TriedValue } from './border-search.js'
import { searchInvalid } from './search-options.js'
import type { SizeRange } from './size-search.js'

/** Fleets larger than this many times the config's are not tried. */
const MOST_GROWTH = 64
/** Backends that a config may have in all. */
const MOST_BACKENDS = 4096

/** How many backends a fleet may have, and which config values say so. */
export interface FleetSizes extends SizeRange {
  /** Why fleets smaller than `least` are no configs, where they would still be fleets. */
  readonly bound: string | undefined
  settingsOf(size: TriedValue): Readonly<Record<string, number>>
}

/**
 * What makes a fleet larger or smaller: `cluster.num_backends`, with pools that prefill and decode the backends of
 * each. It has the backends that `[[events]]` name, and no more KV blocks than its stepper takes.
 *
 * @param scale - the key that counts the backends of one of `[[cluster.backends]]`, which grows alone
 * @throws RouteSimError `search_invalid` when a fleet of different backends says no such key
 */
export function fleetSizes(
  config: Config,
  scale: string | undefined,
  stepper: Stepper,
): FleetSizes {
  const { cluster } = config
  const { num_backends: all, disaggregated: pools } = cluster
  const group = groupAt(cluster, scale)
  if (group !== undefined) {
    const range = rangeOf(config, [group.count], group, stepper)
    return { ...range, settingsOf: ([count = 0]) => ({ [scale!]: count }) }
  }
  if (!pools.enabled) {
    const range = rangeOf(config, [all], cluster, stepper)
    return { ...range, settingsOf: ([count = 0]) => ({ 'cluster.num_backends': count }) }
  }
  const start = [pools.prefill_backends, pools.decode_backends]
  return {
    ...rangeOf(config, start, cluster, stepper),
    settingsOf: ([prefill = 0, decode = 0]) => ({
      'cluster.num_backends': prefill + decode,
      'cluster.disaggregated.prefill_backends': prefill,
      'cluster.disaggregated.decode_backends': decode,
    }),
  }
}

type Group = NonNullable<Config['cluster']['backends']>[number]

/** The group whose backends are counted at a path; undefined for those of the whole cluster. */
function groupAt({ backends }: Config['cluster'], scale: string | undefined): Group | undefined {
  if (backends === undefined) {
    if (scale === undefined || scale === 'cluster.num_backends') return undefined
    throw searchInvalid('scale', 'cluster.num_backends, which counts backends', scale, HOW_TO_VARY)
  }
  const number = /^cluster\.backends\.(\d+)\.count$/.exec(scale ?? '')?.[1]
  const group = backends[Number(number ?? Number.NaN)]
  if (group !== undefined) return group
  const last = backends.length - 1
  const keys = `cluster.backends.0.count${last > 0 ? ` to cluster.backends.${last}.count` : ''}`
  throw searchInvalid(
    'scale',
    `the key that counts the backends of one of [[cluster.backends]] (${keys})`,
    scale,
    scale === undefined
      ? 'Give --scale cluster.backends.0.count, and leave cluster.num_backends out.'
      : HOW_TO_VARY,
  )
}

const HOW_TO_VARY = 'What other keys do, sweep --set tells.'

/** Memory of a backend. */
interface BackendSize {
  readonly dp: number
  readonly kv_cache_blocks: number
}

/** The smallest and the largest fleet that a config may say, of which it has so many backends of one kind. */
function rangeOf(
  { cluster, events }: Config,
  start: TriedValue,
  kind: BackendSize,
  stepper: Stepper,
): Omit<FleetSizes, 'settingsOf'> {
  const { backends, num_backends: all } = cluster
  const blocksOf = (each: BackendSize): number => each.dp * each.kv_cache_blocks
  const blocks =
    backends?.reduce((sum, group) => sum + group.count * blocksOf(group), 0) ??
    all * blocksOf(cluster)
  const mostBlocks = stepper === 'fast' ? Number.POSITIVE_INFINITY : MOST_STORED_BLOCKS
  const room = Math.max(0, Math.floor((mostBlocks - blocks) / blocksOf(kind)))
  const count = start.reduce((sum, each) => sum + each, 0)
  const most = Math.min(count * MOST_GROWTH, count + Math.min(MOST_BACKENDS - all, room))
  const others = all - count
  const named = Math.max(0, ...events.map(({ backend }) => backend + 1))
  const least = Math.max(start.length, named - others)
  return {
    start,
    most: start.map((each) => Math.floor((each * most) / count)),
    least,
    others,
    bound: least > start.length ? `[[events]] name backend ${named - 1}` : undefined,
  }
}
