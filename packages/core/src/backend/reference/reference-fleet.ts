import type { StepShape } from '../../latency/latency-model.js'
import type { RequestProgress } from '../../requests/request-progress.js'
import type { AdapterState } from '../../routing/cluster-view.js'
import { AdapterSlots } from '../adapter-slots.js'
import { type BackendCounters, BackendMeters } from '../backend-meters.js'
import type { FallibleFleet, FleetContext } from '../fleet.js'
import { KvLoads, type KvTierCounters } from '../kv-loads.js'
import { Mailboxes } from '../mailboxes.js'
import { queuesOf } from '../queues/ordered-queues.js'
import { ReferenceBackend } from './reference-backend.js'

/** Backends that simulate every step: slow, plain, and the oracle for anything faster. */
export class ReferenceFleet implements FallibleFleet {
  private readonly backends: readonly ReferenceBackend[]
  private readonly progress: RequestProgress
  private readonly loads: KvLoads
  private readonly adapters: AdapterSlots

  constructor(context: FleetContext) {
    const { specs, progress } = context
    this.progress = progress
    const meters = new BackendMeters(specs.length, context.clock)
    this.loads = new KvLoads(context)
    this.adapters = new AdapterSlots(context)
    const mail = new Mailboxes(specs)
    const parts = { queues: queuesOf(context), mail, loads: this.loads, adapters: this.adapters }
    this.backends = specs.map((_, id) => new ReferenceBackend(id, context, meters, parts))
  }

  counters(backend: number): BackendCounters {
    return this.backends[backend]!.counters()
  }

  accept(backend: number, request: number): void {
    this.backends[backend]!.accept(request)
  }

  enqueue(backend: number, request: number): void {
    this.backends[backend]!.enqueue(request)
  }

  enqueueHandedOver(backend: number, request: number): void {
    this.backends[backend]!.enqueueHandedOver(request)
  }

  transferCompleted(backend: number, request: number): void {
    this.backends[backend]!.transferCompleted(request)
  }

  loadCompleted(backend: number, request: number): void {
    this.backends[backend]!.loadCompleted(request)
  }

  adapterState(backend: number): AdapterState | undefined {
    return this.adapters.stateOf(backend)
  }

  adapterLoads(backend: number): number | undefined {
    return this.adapters.loads(backend)
  }

  tierCounters(backend: number): KvTierCounters[] {
    return this.loads.counters(backend)
  }

  releaseHandedOver(backend: number, request: number): void {
    this.backends[backend]!.releaseHandedOver(request)
  }

  hasDecodes(backend: number): boolean {
    return this.backends[backend]!.hasDecodes()
  }

  hasPrompts(backend: number): boolean {
    return this.backends[backend]!.hasPrompts()
  }

  startStep(backend: number): void {
    this.backends[backend]!.startStep()
  }

  shapeOf(backend: number, out: StepShape): void {
    this.backends[backend]!.shapeOf(out)
  }

  prolong(backend: number, endMs: number): void {
    this.backends[backend]!.prolong(endMs)
  }

  completeStep(backend: number): void {
    this.backends[backend]!.completeStep()
  }

  fail(backend: number): void {
    this.backends[backend]!.fail()
  }

  cancel(backend: number, request: number): boolean {
    return this.backends[backend]!.cancel(request)
  }

  detach(backend: number, request: number): boolean {
    return this.backends[backend]!.detach(request)
  }

  emitted(backend: number, tell: (request: number, tokens: number) => void): void {
    this.backends[backend]!.emitted(tell)
  }

  emittedTokens(backend: number, request: number): number {
    const tokens = this.progress.emittedTokens[request]!
    return this.backends[backend]?.isAboutToEmit(request) === true ? tokens + 1 : tokens
  }

  // Each step asks anew how long it takes.
  cut(): void {}

  // A step can not be interrupted, and its effects come at its ends.
  interrupt(): void {}

  sync(): void {}

  syncSettled(): void {}

  syncMatches(): void {}
}
