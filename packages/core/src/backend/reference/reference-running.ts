import type { BackendSpec } from '../../engine/simulation-options.js'
import type { KvUsage } from '../../kv-cache/kv-cache.js'
import type { AdapterSlots } from '../adapter-slots.js'
import type { BackendMeters } from '../backend-meters.js'
import { preemptsNewest } from '../engine-policies.js'
import type { FleetContext } from '../fleet.js'
import type { WaitingQueues } from '../queues/waiting-queues.js'
import type { ReferenceAdmission, ReferenceParts } from './reference-admission.js'
import type { ReferenceBatch, RequestKind } from './reference-batch.js'
import type { ReferenceStep } from './reference-step.js'

/**
 * What the running requests of a {@link ReferenceBackend} get in a step, and who of them goes back to the
 * queue when KV blocks run out.
 */
export class ReferenceRunning {
  private readonly id: number
  private readonly spec: BackendSpec
  private readonly context: FleetContext
  private readonly meters: BackendMeters
  private readonly queues: WaitingQueues
  private readonly adapters: AdapterSlots
  private readonly batch: ReferenceBatch
  private readonly step: ReferenceStep
  private readonly admission: ReferenceAdmission
  private readonly usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }

  constructor(
    id: number,
    context: FleetContext,
    meters: BackendMeters,
    { queues, adapters }: ReferenceParts,
    batch: ReferenceBatch,
    step: ReferenceStep,
    admission: ReferenceAdmission,
  ) {
    this.id = id
    this.spec = context.specs[id]!
    this.context = context
    this.meters = meters
    this.queues = queues
    this.adapters = adapters
    this.batch = batch
    this.step = step
    this.admission = admission
  }

  /**
   * Gives running requests of a kind their tokens.
   * @returns whether all were served, some preempted, or all put back to the queue
   */
  serve(kind: RequestKind): 'served' | 'preempted' | 'evicted' {
    const { batch } = this
    const { kv, progress } = this.context
    const { preemption } = this.spec
    let preempted = false
    // Those whose KV caches are on their way stay in the batch, whatever becomes of the others.
    batch.tokens.fill(0, 0, batch.size)
    if (
      preemption === 'evict_all' &&
      batch.blocksNeeded(kind, this.step.budget) > this.blocksAvailable()
    ) {
      for (let i = batch.size - 1; i >= 0; i--) {
        if (progress.isTransferring[batch.requests[i]!] === 0) this.preempt(i)
      }
      return 'evicted'
    }
    if (preemption === 'retract_shortest' && kind !== 'prompts') {
      while (batch.blocksNeeded('decodes', this.step.budget) > this.blocksAvailable()) {
        this.preempt(batch.shortestAnswer())
        preempted = true
      }
    }
    for (let i = 0; i < batch.size; i++) {
      const request = batch.requests[i]!
      if (!batch.isOfKind(request, kind)) continue
      const computed = progress.computedTokens[request]!
      const tokens = Math.min(batch.knownTokens(request) - computed, this.step.budget)
      if (tokens === 0) continue
      let fits = kv.extend(this.id, request, computed + tokens)
      while (!fits) {
        preempted = true
        const victim = this.victim()
        // One that has its place in the step already loses it again.
        if (victim < i) this.step.takeOut(batch.requests[victim]!, batch.tokens[victim]!)
        const isGone = this.preempt(victim) === request
        // What follows has moved up by a place.
        if (victim <= i) i--
        if (isGone) break
        fits = kv.extend(this.id, request, computed + tokens)
      }
      if (!fits) continue
      batch.tokens[i] = tokens
      this.step.add(request, computed, tokens)
    }
    return preempted ? 'preempted' : 'served'
  }

  private blocksAvailable(): number {
    this.context.kv.usage(this.id, this.usage)
    return this.usage.free + this.usage.cached
  }

  /** Place of the running request that loses its blocks next. */
  private victim(): number {
    const { queues, id } = this
    return queues.preemptsByRank(id) && preemptsNewest(this.spec)
      ? this.batch.last((request) => queues.rankOf(id, request))
      : this.batch.newest()
  }

  /** Sends the running request at a place back to the front of the queue. @returns that request */
  private preempt(at: number): number {
    const { kv, progress } = this.context
    this.meters.advance(this.id, this.admission.waiting, this.batch.size)
    const victim = this.batch.removeAt(at)
    kv.release(this.id, victim, true)
    if (this.spec.preemption === 'swap') {
      const computed = progress.computedTokens[victim]!
      progress.swappedTokens[victim] = computed
      this.admission.swapMs += computed * this.spec.swapMsPerToken!
    }
    progress.computedTokens[victim] = 0
    progress.heldTokens[victim] = 0
    progress.preemptions[victim]!++
    this.meters.preempted(this.id)
    this.queues.pushFront(this.id, victim)
    this.admission.waiting++
    this.adapters.leave(this.id, victim)
    this.adapters.wait(this.id, victim)
    return victim
  }
}
