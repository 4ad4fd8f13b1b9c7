import type { BackendCounters } from '../../backend/backend-meters.js'
import type { FleetFront } from '../../backend/fleet.js'
import type { KvTierCounters } from '../../backend/kv-loads.js'
import type { KvCacheView, KvUsage } from '../../kv-cache/kv-cache.js'
import type { BackendSpec } from '../simulation-options.js'
import type { BackendTotals, KvTierTotals } from './run-result.js'

/** Running totals of one backend. */
interface Totals {
  readonly counters: BackendCounters
  readonly evictions: number
  readonly loaded: readonly KvTierCounters[]
  readonly adapterLoads: number | undefined
}

/** Cuts the measured part out of the running totals of all backends. */
export class MeasuredTotals {
  private readonly specs: readonly BackendSpec[]
  private readonly fleet: FleetFront
  private readonly kv: KvCacheView
  private atStart: readonly Totals[]

  constructor(specs: readonly BackendSpec[], fleet: FleetFront, kv: KvCacheView) {
    this.specs = specs
    this.fleet = fleet
    this.kv = kv
    this.atStart = specs.map((_, backend) => this.totals(backend))
  }

  /** Measuring starts now: what happened before is left out. */
  start(): void {
    this.atStart = this.specs.map((_, backend) => this.totals(backend))
  }

  /** What happened since the start of measuring. */
  sinceStart(): BackendTotals[] {
    const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    return this.specs.map(({ role, model }, backend) => {
      const before = this.atStart[backend]!
      const now = this.totals(backend)
      const [from, to] = [before.counters, now.counters]
      this.kv.usage(backend, usage)
      return {
        id: backend,
        role,
        ...(model !== undefined && { model }),
        busyMs: to.busyMs - from.busyMs,
        steps: to.steps - from.steps,
        prefillTokens: to.prefillTokens - from.prefillTokens,
        decodeTokens: to.decodeTokens - from.decodeTokens,
        evictions: now.evictions - before.evictions,
        preemptions: to.preemptions - from.preemptions,
        waitingRequestMs: to.waitingRequestMs - from.waitingRequestMs,
        runningRequestMs: to.runningRequestMs - from.runningRequestMs,
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

  private totals(backend: number): Totals {
    return {
      counters: this.fleet.counters(backend),
      evictions: this.kv.evictions(backend),
      loaded: this.fleet.tierCounters(backend),
      adapterLoads: this.fleet.adapterLoads(backend),
    }
  }
}
