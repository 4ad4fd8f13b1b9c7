import type { Fleet } from '../backend/fleet.js'
import type { KvTierCounters } from '../backend/kv-loads.js'
import type { KvCache, KvUsage } from '../kv-cache/kv-cache.js'
import type { BackendTotals, KvTierTotals } from './run-result.js'
import type { BackendSpec } from './simulation-options.js'

type Counters = Omit<
  BackendTotals,
  'id' | 'role' | 'totalBlocks' | 'heldBlocks' | 'cachedBlocks' | 'tiers' | 'adapterLoads'
> & { readonly loaded: readonly KvTierCounters[]; readonly adapterLoads: number | undefined }

/** Cuts the measured part out of the running totals of all backends. */
export class MeasuredTotals {
  private readonly specs: readonly BackendSpec[]
  private readonly fleet: Fleet
  private readonly kv: KvCache
  private atStart: readonly Counters[]

  constructor(specs: readonly BackendSpec[], fleet: Fleet, kv: KvCache) {
    this.specs = specs
    this.fleet = fleet
    this.kv = kv
    this.atStart = specs.map((_, backend) => this.counters(backend))
  }

  /** Measuring starts now: what happened before is left out. */
  start(): void {
    this.atStart = this.specs.map((_, backend) => this.counters(backend))
  }

  /** What happened since the start of measuring. */
  sinceStart(): BackendTotals[] {
    const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    return this.specs.map(({ role }, backend) => {
      const before = this.atStart[backend]!
      const now = this.counters(backend)
      this.kv.usage(backend, usage)
      return {
        id: backend,
        role,
        busyMs: now.busyMs - before.busyMs,
        steps: now.steps - before.steps,
        prefillTokens: now.prefillTokens - before.prefillTokens,
        decodeTokens: now.decodeTokens - before.decodeTokens,
        evictions: now.evictions - before.evictions,
        preemptions: now.preemptions - before.preemptions,
        waitingRequestMs: now.waitingRequestMs - before.waitingRequestMs,
        runningRequestMs: now.runningRequestMs - before.runningRequestMs,
        totalBlocks: usage.total,
        heldBlocks: usage.held,
        cachedBlocks: usage.cached,
        ...(now.adapterLoads !== undefined && {
          adapterLoads: now.adapterLoads - before.adapterLoads!,
        }),
        ...(now.loaded.length > 0 && { tiers: this.tiers(backend, before.loaded, now.loaded) }),
      }
    })
  }

  private tiers(
    backend: number,
    before: readonly KvTierCounters[],
    now: readonly KvTierCounters[],
  ): KvTierTotals[] {
    const used = this.kv.usageBelow?.(backend) ?? []
    return this.specs[backend]!.kv.tiers!.map(({ name, blocks }, i) => ({
      name,
      loads: now[i]!.loads - before[i]!.loads,
      loadedTokens: now[i]!.loadedTokens - before[i]!.loadedTokens,
      loadMs: now[i]!.loadMs - before[i]!.loadMs,
      totalBlocks: blocks,
      usedBlocks: used[i] ?? 0,
    }))
  }

  private counters(backend: number): Counters {
    const counters = this.fleet.counters(backend)
    const loaded = this.fleet.tierCounters(backend)
    return {
      ...counters,
      evictions: this.kv.evictions(backend),
      loaded,
      adapterLoads: this.fleet.adapterLoads(backend),
    }
  }
}
