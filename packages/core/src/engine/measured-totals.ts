import type { Backend } from '../backend/backend.js'
import type { KvCache, KvUsage } from '../kv-cache/kv-cache.js'
import type { BackendTotals } from './run-result.js'

type Counters = Omit<BackendTotals, 'id' | 'role' | 'totalBlocks' | 'heldBlocks' | 'cachedBlocks'>

/** Cuts the measured part out of the running totals of all backends. */
export class MeasuredTotals {
  private readonly backends: readonly Backend[]
  private readonly kv: KvCache
  private atStart: readonly Counters[]

  constructor(backends: readonly Backend[], kv: KvCache) {
    this.backends = backends
    this.kv = kv
    this.atStart = backends.map((backend) => this.counters(backend, 0))
  }

  /** Measuring starts now: what happened before is left out. */
  startAt(nowMs: number): void {
    this.atStart = this.backends.map((backend) => this.counters(backend, nowMs))
  }

  /** What happened since the start of measuring. */
  since(nowMs: number): BackendTotals[] {
    const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    return this.backends.map((backend, i) => {
      const before = this.atStart[i]!
      const now = this.counters(backend, nowMs)
      this.kv.usage(backend.id, usage)
      return {
        id: backend.id,
        role: backend.spec.role,
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
      }
    })
  }

  private counters(backend: Backend, nowMs: number): Counters {
    const counters = backend.counters(nowMs)
    return { ...counters, evictions: this.kv.evictions(backend.id) }
  }
}
