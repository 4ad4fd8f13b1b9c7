import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import type { FleetContext } from '../fleet.js'
import { KvLoads, type KvTierCounters } from '../kv-loads.js'
import { AdapterFleet } from './adapter-fleet.js'
import { Reservations } from './reservations.js'
import { planPrefill } from './step-plans.js'

const IDLE = Number.POSITIVE_INFINITY

/** Requests of the fast stepper that wait for blocks from lower tiers, outside queue and batch. */
export abstract class LoadingFleet extends AdapterFleet {
  protected readonly loads: KvLoads
  protected readonly reservations: Reservations

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    this.loads = new KvLoads(context)
    this.reservations = new Reservations(context, this.state)
  }

  override loadCompleted(backend: number, request: number): void {
    this.measure(backend)
    this.sync(backend)
    this.kv.commit(backend, request, this.context.progress.computedTokens[request]!)
    this.loads.complete(backend, request)
  }

  override hasPrompts(backend: number): boolean {
    return this.loads.loaded[backend]!.length > 0 || super.hasPrompts(backend)
  }

  override tierCounters(backend: number): readonly KvTierCounters[] {
    return this.loads.counters(backend)
  }

  /** Lower tiers forget what they have no room for: whoever waits to load it may then come without. */
  protected override isWatched(backend: number): boolean {
    const isBlocked = this.state.batches[backend]!.isBlocked === 1
    return (isBlocked && this.specs[backend]!.kv.tiers !== undefined) || super.isWatched(backend)
  }

  override interrupt(backend: number): void {
    const { state } = this
    const isUnderWay = state.batches[backend]!.steps > 1 && state.endMs[backend] !== IDLE
    if (isUnderWay && this.loads.loaded[backend]!.length > 0) this.endWithPresentStep(backend)
    else super.interrupt(backend)
  }

  /**
   * Holds blocks for the request at the front of the queue and has what lower tiers have of it sent.
   * @param ahead - as `Reservations.areThere` takes it
   * @returns false when blocks are short
   */
  protected load(
    backend: number,
    request: number,
    cached: number,
    found: number,
    ahead: number,
  ): boolean {
    const { kv, loads, reservations } = this
    const known = this.knownTokens(request)
    const fits =
      reservations.areThere(backend, request, cached, known, ahead) &&
      kv.couldAdmit(backend, request, cached, known, 0)
    if (!fits) {
      this.state.batches[backend]!.isBlocked = 1
      return false
    }
    loads.read(backend, request, cached, found)
    kv.admit(backend, request, cached, known)
    loads.begin(backend, request, cached, found, known)
    reservations.fetching(backend, request, known)
    // It leaves the queue but goes on waiting.
    this.waiting[backend] = this.waiting[backend]! + 1
    return true
  }

  /** Admits those whose blocks have come: they need no more, so that a step that preempts takes them too. */
  protected admitLoaded(backend: number): void {
    const loaded = this.loads.loaded[backend]!
    const { state, context, running } = this
    if (context.holdsPrompts[backend] === 1) return
    const { batches } = state
    const { progress } = context
    const batch = batches[backend]!
    for (let i = 0; i < loaded.length; ) {
      if (running[backend]! >= batch.maxBatch || batch.budget <= 0) return
      const request = loaded[i]!
      if (!this.mayRun(backend, request)) {
        i++
        continue
      }
      const computed = progress.computedTokens[request]!
      const rest = this.knownTokens(request) - computed
      let tokens = Math.min(rest, batch.budget)
      if (tokens < rest && !this.specs[backend]!.chunkedPrefill) {
        if (batches[backend]!.prefillRequests > 0) return
        tokens = rest
      }
      this.stopWaiting(backend, request)
      this.waiting[backend] = this.waiting[backend]! - 1
      this.enterBatch(backend, request, computed)
      if (Number.isNaN(progress.admittedMs[request]!))
        progress.admittedMs[request] = this.clock.nowMs
      if (tokens < rest) batch.chunked = request
      planPrefill(state, backend, request, computed, tokens)
    }
  }

  /** Gives the blocks of a request back that loads or has loaded. @returns false when it does neither */
  protected stopLoading(backend: number, request: number): boolean {
    if (!this.stopWaiting(backend, request)) return false
    this.sync(backend)
    this.kv.release(backend, request, true)
    return true
  }

  private stopWaiting(backend: number, request: number): boolean {
    if (!this.loads.remove(backend, request)) return false
    const held = this.context.progress.heldTokens[request]!
    this.reservations.fetched(backend, request, held)
    return true
  }
}
