import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import type { AdapterState } from '../../routing/cluster-view.js'
import { AdapterSlots } from '../adapter-slots.js'
import type { FleetContext } from '../fleet.js'
import { PreemptingFleet } from './preempting-fleet.js'

/** Requests of the fast stepper that need a LoRA adapter, and wait until it has a slot. */
export abstract class AdapterFleet extends PreemptingFleet {
  protected readonly adapters: AdapterSlots

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    this.adapters = new AdapterSlots(context)
  }

  override adapterState(backend: number): AdapterState | undefined {
    return this.adapters.stateOf(backend)
  }

  override adapterLoads(backend: number): number | undefined {
    return this.adapters.loads(backend)
  }

  override accept(backend: number, request: number): void {
    super.accept(backend, request)
    this.adapters.wait(backend, request)
  }

  override enqueueHandedOver(backend: number, request: number): void {
    super.enqueueHandedOver(backend, request)
    this.adapters.wait(backend, request)
  }

  protected override mayRun(backend: number, request: number): boolean {
    return this.adapters.hasRoom(backend, request)
  }

  protected override enterBatch(backend: number, request: number, computedTokens: number): void {
    super.enterBatch(backend, request, computedTokens)
    // The next step waits for it.
    this.swapMs[backend] = this.swapMs[backend]! + this.adapters.join(backend, request)
  }

  protected override left(backend: number, request: number): void {
    super.left(backend, request)
    this.adapters.leave(backend, request)
  }

  protected override requeue(backend: number, request: number): number {
    this.adapters.leave(backend, request)
    this.adapters.wait(backend, request)
    return super.requeue(backend, request)
  }
}
