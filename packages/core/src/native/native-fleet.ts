import type { BackendCounters } from '../backend/backend-meters.js'
import type { FleetFront } from '../backend/fleet.js'
import type { KvTierCounters } from '../backend/kv-loads.js'
import type { AdapterState } from '../routing/cluster-view.js'
import type { NativeExports } from './native-module.js'

/** The backends of the native engine, which starts and ends their steps itself. */
export class NativeFleet implements FleetFront {
  private readonly engine: NativeExports
  /** Written by `count`. */
  private readonly counted: Float64Array

  constructor(engine: NativeExports, counted: Float64Array) {
    this.engine = engine
    this.counted = counted
  }

  counters(backend: number): BackendCounters {
    this.engine.count(backend)
    const { counted } = this
    return {
      busyMs: counted[0]!,
      steps: counted[1]!,
      prefillTokens: counted[2]!,
      decodeTokens: counted[3]!,
      preemptions: counted[4]!,
      waitingRequestMs: counted[5]!,
      runningRequestMs: counted[6]!,
    }
  }

  accept(backend: number, request: number): void {
    this.engine.accept(backend, request)
  }

  enqueue(backend: number, request: number): void {
    this.engine.enqueue(backend, request)
  }

  enqueueHandedOver(backend: number, request: number): void {
    this.engine.enqueueHandedOver(backend, request)
  }

  transferCompleted(backend: number, request: number): void {
    this.engine.transferCompleted(backend, request)
  }

  releaseHandedOver(backend: number, request: number): void {
    this.engine.releaseHandedOver(backend, request)
  }

  emitted(backend: number, tell: (request: number, tokens: number) => void): void {
    const { engine } = this
    const decodes = engine.decodeCount(backend)
    for (let i = 0; i < decodes; i++) {
      const request = engine.decodeAt(backend, i)
      tell(request, engine.emittedNow(backend, request))
    }
  }

  emittedTokens(backend: number, request: number): number {
    return this.engine.emittedNow(backend, request)
  }

  sync(backend: number): void {
    this.engine.sync(backend)
  }

  syncSettled(backend: number): void {
    this.engine.syncSettled(backend)
  }

  syncMatches(request: number): void {
    this.engine.syncMatches(request)
  }

  tierCounters(_backend: number): readonly KvTierCounters[] {
    return []
  }

  adapterState(_backend: number): AdapterState | undefined {
    return undefined
  }

  adapterLoads(_backend: number): number | undefined {
    return undefined
  }
}
