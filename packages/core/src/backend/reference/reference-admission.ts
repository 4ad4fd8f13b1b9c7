import type { BackendSpec } from '../../engine/simulation-options.js'
import type { AdapterSlots } from '../adapter-slots.js'
import { reservedShare, reservedTokens } from '../engine-policies.js'
import type { FleetContext } from '../fleet.js'
import type { KvLoads } from '../kv-loads.js'
import type { Mailboxes } from '../mailboxes.js'
import type { WaitingQueues } from '../queues/waiting-queues.js'
import type { ReferenceBatch } from './reference-batch.js'
import type { ReferenceStep } from './reference-step.js'

/** What becomes of the request at the front of the queue. */
type Admission = 'admitted' | 'loading' | 'refused'

/** What the backends of a {@link ReferenceFleet} share. */
export interface ReferenceParts {
  readonly queues: WaitingQueues
  readonly mail: Mailboxes
  readonly loads: KvLoads
  readonly adapters: AdapterSlots
}

/** How requests get from the queue of a {@link ReferenceBackend} into its batch. */
export class ReferenceAdmission {
  /** Requests in the queue, those that load, and those sent here that are still in the front end. */
  waiting = 0
  /** Time for KV on its way to host memory and back, and for adapters, which the next step waits for. */
  swapMs = 0
  private readonly id: number
  private readonly spec: BackendSpec
  private readonly context: FleetContext
  private readonly queues: WaitingQueues
  private readonly loads: KvLoads
  private readonly adapters: AdapterSlots
  private readonly batch: ReferenceBatch
  private readonly step: ReferenceStep

  constructor(
    id: number,
    context: FleetContext,
    { queues, loads, adapters }: ReferenceParts,
    batch: ReferenceBatch,
    step: ReferenceStep,
  ) {
    this.id = id
    this.spec = context.specs[id]!
    this.context = context
    this.queues = queues
    this.loads = loads
    this.adapters = adapters
    this.batch = batch
    this.step = step
  }

  /**
   * Admits those whose blocks have come from lower tiers. They need no more of them, so that a step that
   * preempts admits them too: they may hold what was short.
   */
  admitLoaded(): void {
    if (this.context.holdsPrompts[this.id] === 1) return
    const loaded = this.loads.loaded[this.id]!
    const { batch, step } = this
    const { progress } = this.context
    for (const request of [...loaded]) {
      if (batch.size === batch.capacity || step.budget === 0) return
      if (!this.adapters.hasRoom(this.id, request)) continue
      const computed = progress.computedTokens[request]!
      const tokens = this.firstChunk(batch.knownTokens(request) - computed)
      if (tokens === 0) return
      this.loads.remove(this.id, request)
      this.waiting--
      this.noteAdmitted(request, progress.cachedTokens[request]!)
      batch.tokens[this.join(request, true)] = tokens
      step.add(request, computed, tokens)
    }
  }

  /** Tokens of a prompt that this step computes of what remains; 0 when it must wait for another. */
  private firstChunk(remaining: number): number {
    if (remaining <= this.step.budget) return remaining
    if (this.spec.chunkedPrefill) return this.step.budget
    // A prompt that may not be split has a step to itself if it is longer than the budget.
    return this.step.shape.prefillRequests > 0 ? 0 : remaining
  }

  /** A request joins the batch, and its adapter a slot. @returns its place */
  private join(request: number, isPrompt: boolean): number {
    this.swapMs += this.adapters.join(this.id, request)
    return this.batch.add(request, isPrompt)
  }

  private noteAdmitted(request: number, cachedTokens: number): void {
    const { progress } = this.context
    if (!Number.isNaN(progress.admittedMs[request]!)) return
    progress.admittedMs[request] = this.context.clock.nowMs
    progress.cachedTokens[request] = cachedTokens
  }

  /** Admits from the front of the queue until something is short: blocks, sequences or budget. */
  admitWaiting(): void {
    const { queues } = this
    if (this.batch.size === this.batch.capacity || this.step.budget === 0) return
    if (queues.peek(this.id) >= 0) queues.arrange(this.id)
    this.admitInOrder()
    queues.endRound(this.id)
  }

  private admitInOrder(): void {
    const { queues } = this
    while (this.batch.size < this.batch.capacity && this.step.budget > 0) {
      const request = queues.peek(this.id)
      if (request < 0) return
      const isHandedOver = this.context.progress.isHandedOver[request] === 1
      const isHeld = !isHandedOver && this.context.holdsPrompts[this.id] === 1
      if (isHeld || !this.adapters.hasRoom(this.id, request)) {
        queues.setAside(this.id)
        continue
      }
      const outcome = isHandedOver ? this.admitHandedOver(request) : this.admit(request)
      if (outcome === 'refused') return
      queues.popFront(this.id)
      if (outcome === 'admitted') this.waiting--
    }
  }

  private admit(request: number): Admission {
    const { batch } = this
    const { kv, progress } = this.context
    const known = batch.knownTokens(request)
    // The last known token is computed even when it is cached: its output is the next token.
    const cached = kv.matchOn(this.id, request, known - 1)
    const swapped = progress.swappedTokens[request] ?? 0
    const found = swapped > cached ? 0 : this.loads.find(this.id, request, cached, known - 1)
    if (found > 0) return this.load(request, cached, found)
    const computed = Math.max(cached, swapped)
    const tokens = this.firstChunk(known - computed)
    if (tokens === 0) return 'refused'
    if (!this.isReserveThere(request, cached, computed + tokens)) return 'refused'
    if (!kv.admit(this.id, request, cached, computed + tokens)) return 'refused'
    progress.computedTokens[request] = computed
    progress.swappedTokens[request] = 0
    this.swapIn(computed - cached)
    this.noteAdmitted(request, cached)
    batch.tokens[this.join(request, true)] = tokens
    this.step.add(request, computed, tokens)
    return 'admitted'
  }

  /** Holds blocks for a request and has what lower tiers have of it sent, while it goes on waiting. */
  private load(request: number, cached: number, found: number): Admission {
    const { kv } = this.context
    const known = this.batch.knownTokens(request)
    if (!this.isReserveThere(request, cached, known)) return 'refused'
    if (!kv.couldAdmit(this.id, request, cached, known, 0)) return 'refused'
    this.loads.read(this.id, request, cached, found)
    kv.admit(this.id, request, cached, known)
    this.loads.begin(this.id, request, cached, found, known)
    return 'loading'
  }

  /** Allocates the blocks of a prompt that was computed elsewhere and has what is missing sent. */
  private admitHandedOver(request: number): Admission {
    const { kv, progress, listener } = this.context
    // The KV of its latest token is what it computes next.
    const tokens = this.batch.knownTokens(request) - 1
    const cached = kv.matchOn(this.id, request, tokens)
    if (!this.isReserveThere(request, cached, tokens)) return 'refused'
    if (!kv.admit(this.id, request, cached, tokens)) return 'refused'
    progress.computedTokens[request] = tokens
    progress.isHandedOver[request] = 0
    progress.isTransferring[request] = 1
    this.join(request, false)
    listener.transferStarted(request, tokens - cached)
    return 'admitted'
  }

  /** Whether blocks last for a request and what is set aside for all. */
  private isReserveThere(request: number, cached: number, tokens: number): boolean {
    if (reservedShare(this.spec) === 0) return true
    const { batch } = this
    const { kv, progress } = this.context
    const { blockTokens } = this.spec.kv
    let reserved = 0
    const setAside = (other: number, held: number): void => {
      const target = Math.max(held, this.tokensSetAside(other))
      reserved += Math.ceil(target / blockTokens) - Math.ceil(held / blockTokens)
    }
    for (let i = 0; i < batch.size; i++) {
      const running = batch.requests[i]!
      const held = progress.computedTokens[running]! + batch.tokens[i]!
      setAside(running, Math.max(held, progress.heldTokens[running] ?? 0))
    }
    for (const others of [this.loads.loading[this.id]!, this.loads.loaded[this.id]!])
      for (const other of others) setAside(other, progress.heldTokens[other]!)
    const target = Math.max(tokens, this.tokensSetAside(request))
    return kv.couldAdmit(this.id, request, cached, target, reserved)
  }

  private tokensSetAside(request: number): number {
    const { progress, requests } = this.context
    return progress.backend[request] === this.id
      ? reservedTokens(requests, request, reservedShare(this.spec))
      : requests.promptTokens[request]!
  }

  private swapIn(tokens: number): void {
    if (this.spec.preemption === 'swap') this.swapMs += tokens * this.spec.swapMsPerToken!
  }
}
