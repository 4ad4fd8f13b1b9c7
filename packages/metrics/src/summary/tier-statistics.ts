import type { BackendTotals } from '@routesim/core'
import { orNull } from '../statistics/or-null.js'

/** What was loaded from one tier below the KV caches in the measured part of a run. */
export interface KvTierStatistics {
  /** Loads that blocks of this tier were part of. */
  readonly loads: number
  /** Tokens that did not have to be computed, reloads after a preemption included. */
  readonly loaded_tokens: number
  /** Share of the time in which the link was busy, the mean of the backends that have the tier. */
  readonly link_busy_fraction: number | null
  /** Blocks: all, and those in use at the end. */
  readonly total_blocks: number
  readonly used_blocks: number
}

/** Tiers of all backends by name; undefined when no backend has any. */
export function tierStatistics(
  backends: readonly BackendTotals[],
  windowMs: number,
): Readonly<Record<string, KvTierStatistics>> | undefined {
  const tiers = backends.flatMap(({ tiers: own = [] }) => own)
  if (tiers.length === 0) return undefined
  const names = [...new Set(tiers.map(({ name }) => name))]
  return Object.fromEntries(
    names.map((name): [string, KvTierStatistics] => {
      const same = tiers.filter((tier) => tier.name === name)
      const sum = (
        field: 'loads' | 'loadedTokens' | 'loadMs' | 'totalBlocks' | 'usedBlocks',
      ): number => same.reduce((total, tier) => total + tier[field], 0)
      return [
        name,
        {
          loads: sum('loads'),
          loaded_tokens: sum('loadedTokens'),
          link_busy_fraction: orNull(sum('loadMs') / same.length / windowMs),
          total_blocks: sum('totalBlocks'),
          used_blocks: sum('usedBlocks'),
        },
      ]
    }),
  )
}

/** Adapters brought to GPUs; undefined when no backend has slots. */
export function adapterLoads(backends: readonly BackendTotals[]): number | undefined {
  const own = backends.flatMap(({ adapterLoads: loads }) => loads ?? [])
  return own.length === 0 ? undefined : own.reduce((sum, loads) => sum + loads, 0)
}
