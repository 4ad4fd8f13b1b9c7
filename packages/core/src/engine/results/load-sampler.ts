import type { KvUsage } from '../../kv-cache/kv-cache.js'
import type { Machinery } from '../machinery.js'
import type { BackendTotals } from './run-result.js'

/** One backend at a moment: its totals are those since the start of the run. */
export interface BackendSnapshot extends BackendTotals {
  /** Requests that wait to be admitted, and those admitted and not finished. */
  readonly waiting: number
  readonly running: number
}

/** Looks at the fleet at times of its choosing; what it sees, it must not keep beyond the call. */
export interface LoadSampler {
  /** When it looks first, in ms of virtual time. */
  readonly firstMs: number
  /** @returns when to look again, in ms, later than now */
  sample(nowMs: number, backends: readonly BackendSnapshot[]): number
}

/** Lets a {@link LoadSampler} look between the instants of a run, which goes on as it would without. */
export class Sampling {
  private readonly sampler: LoadSampler
  private readonly machinery: Machinery
  private nextMs: number
  private latestMs = 0

  constructor(sampler: LoadSampler, machinery: Machinery) {
    this.sampler = sampler
    this.machinery = machinery
    this.nextMs = sampler.firstMs
  }

  /** Runs the loop, looking when it is time. @returns true when nothing is left */
  run(handler: Parameters<Machinery['loop']['run']>[0], most: number): boolean {
    const { machinery } = this
    const { loop, clock } = machinery
    for (;;) {
      const isQuiet = loop.run(handler, most, this.nextMs)
      if (isQuiet || loop.earliestMs <= this.nextMs) return isQuiet
      // What is still pending, such as timeouts of requests that have ended, changes nothing.
      if (machinery.isOver) this.nextMs = Number.POSITIVE_INFINITY
      else {
        clock.reach(this.nextMs)
        this.look(clock.nowMs)
      }
    }
  }

  /** A last look. @param endMs - when the last request ended */
  finish(endMs: number): void {
    if (endMs > this.latestMs) this.look(endMs)
  }

  private look(nowMs: number): void {
    this.latestMs = nowMs
    const nextMs = this.sampler.sample(nowMs, this.snapshots())
    // One that does not move on would never end.
    this.nextMs = nextMs > nowMs ? nextMs : Number.POSITIVE_INFINITY
  }

  private snapshots(): BackendSnapshot[] {
    const { specs, fleet, kv, ranks, truth } = this.machinery
    const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    for (let id = 0; id < specs.length; id++) fleet.syncSettled(id)
    this.machinery.refresh()
    const { waiting, running } = truth.loads
    // One object each, made at once: looking may be frequent.
    const totals: BackendSnapshot[] = new Array(specs.length)
    for (let id = 0; id < specs.length; id++) {
      kv.usage(id, usage)
      totals[id] = Object.assign(fleet.counters(id), {
        id,
        role: specs[id]!.role,
        evictions: kv.evictions(id),
        totalBlocks: usage.total,
        heldBlocks: usage.held,
        cachedBlocks: usage.cached,
        waiting: waiting[id]!,
        running: running[id]!,
      })
    }
    if (ranks === undefined) return totals
    return ranks.merge(totals).map((backend) => ({
      ...backend,
      waiting: waiting[backend.id]!,
      running: running[backend.id]!,
    }))
  }
}
