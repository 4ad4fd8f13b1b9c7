import type { BackendSpec } from '../../engine/simulation-options.js'
import type { Clock } from '../../kernel/clock.js'
import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import { BackendMeters } from '../backend-meters.js'
import type { FleetContext } from '../fleet.js'
import { queuesOf } from '../queues/ordered-queues.js'
import type { WaitingQueues } from '../queues/waiting-queues.js'
import {
  blocksNeeded,
  inOrderOfAdmission,
  joinDecodes,
  leaveNewest,
  tokensComputed,
} from './decode-batches.js'
import { FleetState } from './fleet-state.js'
import { planPrefill } from './step-plans.js'
import { beginBlocks } from './stretch-blocks.js'

const NONE = -1

/**
 * Who waits and who runs on each backend of the fast stepper: how requests come, are admitted, get blocks
 * for a step, are preempted, and leave.
 */
export abstract class FleetBatches {
  protected readonly context: FleetContext
  protected readonly clock: Clock
  protected readonly specs: readonly BackendSpec[]
  protected readonly kv: BulkKvCache
  protected readonly waiting: Int32Array
  protected readonly running: Int32Array
  protected readonly outstanding: Int32Array
  protected readonly state: FleetState
  protected readonly meters: BackendMeters
  protected readonly queues: WaitingQueues
  /** Per backend: admitted requests whose KV cache has arrived since the last step. */
  protected readonly arrived: readonly number[][]
  /** Per backend: requests whose next token follows the previous one by more than a step. */
  protected readonly resumed: readonly number[][]

  constructor(context: FleetContext, kv: BulkKvCache) {
    const { specs, loads } = context
    this.context = context
    this.clock = context.clock
    this.specs = specs
    this.kv = kv
    this.waiting = loads.waiting
    this.running = loads.running
    this.outstanding = loads.outstanding
    this.state = new FleetState(context, kv)
    this.meters = new BackendMeters(specs.length, context.clock)
    this.queues = queuesOf(context)
    this.arrived = specs.map(() => [])
    this.resumed = specs.map(() => [])
  }

  accept(backend: number, request: number): void {
    const { requests, loads } = this.context
    loads.pendingPromptTokens[backend] =
      loads.pendingPromptTokens[backend]! + requests.promptTokens[request]!
    this.countWaiting(backend)
  }

  enqueue(backend: number, request: number): void {
    this.queues.pushBack(backend, request)
  }

  hasDecodes(backend: number): boolean {
    return this.state.batches[backend]!.decodes > 0 || this.arrived[backend]!.length > 0
  }

  hasPrompts(backend: number): boolean {
    const next = this.queues.peek(backend)
    return (
      this.state.batches[backend]!.chunked !== NONE ||
      (next !== NONE && this.context.progress.isHandedOver[next] === 0)
    )
  }

  enqueueHandedOver(backend: number, request: number): void {
    this.countWaiting(backend)
    this.queues.pushBack(backend, request)
  }

  private countWaiting(backend: number): void {
    this.measure(backend)
    this.waiting[backend] = this.waiting[backend]! + 1
    this.outstanding[backend] = this.outstanding[backend]! + 1
  }

  /** Lets requests whose KV cache has arrived decode. @returns true when there were any */
  protected joinArrived(backend: number): boolean {
    const arrived = this.arrived[backend]!
    if (arrived.length === 0) return false
    for (const request of arrived) {
      joinDecodes(this.state, backend, request)
      this.resumed[backend]!.push(request)
    }
    while (arrived.length > 0) arrived.pop()
    return true
  }

  /** Takes the blocks that the first step of decodes needs. @returns true when it had to preempt */
  protected growForOneStep(backend: number): boolean {
    const { state } = this
    const { kv, batches } = state
    const batch = batches[backend]!
    if (
      this.queues.peek(backend) === NONE &&
      batch.chunked === NONE &&
      batch.decodes <= kv.available(backend)
    ) {
      // They fit, and nobody else wants any: time enough to take them when the stretch ends.
      beginBlocks(state, backend, 0, 0)
      return false
    }
    const needed = blocksNeeded(state, backend, 1)
    beginBlocks(state, backend, 1, needed)
    if (needed === 0) return false
    if (needed <= kv.available(backend)) {
      kv.take(backend, needed)
      return false
    }
    // Blocks run out in this step: go through the requests in order of admission.
    const blockTokens = batch.blockTokens
    const order = inOrderOfAdmission(state, backend)
    const left = new Set(order)
    for (const request of order) {
      if (!left.has(request) || tokensComputed(state, backend, request) % blockTokens !== 0)
        continue
      while (left.has(request) && kv.available(backend) === 0) {
        left.delete(this.preemptNewest(backend))
      }
      if (left.has(request)) kv.take(backend, 1)
    }
    beginBlocks(state, backend, 1, blocksNeeded(state, backend, 1))
    return true
  }

  /** Gives the request that is prefilled over several steps its next chunk. @returns true when blocks ran out */
  protected continueChunked(backend: number): boolean {
    const { state } = this
    const batch = state.batches[backend]!
    const request = batch.chunked
    const computed = this.context.progress.computedTokens[request]!
    const tokens = Math.min(this.knownTokens(request) - computed, batch.budget)
    if (tokens === 0) return false
    if (this.kv.extend(backend, request, computed + tokens)) {
      planPrefill(state, backend, request, computed, tokens)
      return false
    }
    this.preemptChunked(backend)
    return true
  }

  protected admitWaiting(backend: number): void {
    const { state, queues, waiting, running } = this
    const batch = state.batches[backend]!
    const maxBatch = batch.maxBatch
    while (running[backend]! < maxBatch && batch.budget > 0) {
      const request = queues.peek(backend)
      if (request === NONE) return
      if (!this.mayRun(backend, request)) {
        queues.setAside(backend)
        continue
      }
      const isHandedOver = this.context.progress.isHandedOver[request] === 1
      const isAdmitted = isHandedOver
        ? this.admitHandedOver(backend, request)
        : this.admit(backend, request)
      if (!isAdmitted) return
      queues.popFront(backend)
      waiting[backend] = waiting[backend]! - 1
    }
  }

  /** Whether a request could run if blocks last; one that could not is passed over. */
  protected mayRun(_backend: number, _request: number): boolean {
    return true
  }

  protected admit(backend: number, request: number): boolean {
    const { state } = this
    const { batches, kv } = state
    const batch = batches[backend]!
    const known = this.knownTokens(request)
    const cached = kv.matchOn(backend, request, known - 1)
    let tokens = Math.min(known - cached, batch.budget)
    if (tokens < known - cached && !this.specs[backend]!.chunkedPrefill) {
      if (this.state.batches[backend]!.prefillRequests > 0) return false
      tokens = known - cached
    }
    if (!kv.admit(backend, request, cached, cached + tokens)) {
      batch.isBlocked = 1
      return false
    }
    this.enterBatch(backend, request, cached)
    this.beginPrefill(backend, request, cached, cached, tokens)
    return true
  }

  /** An admitted request gets its first chunk: `tokens` after the `computed` ones. */
  protected beginPrefill(
    backend: number,
    request: number,
    cached: number,
    computed: number,
    tokens: number,
  ): void {
    const { state } = this
    const { progress } = this.context
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = this.clock.nowMs
      progress.cachedTokens[request] = cached
    }
    if (computed + tokens < this.knownTokens(request)) state.batches[backend]!.chunked = request
    planPrefill(state, backend, request, computed, tokens)
  }

  protected admitHandedOver(backend: number, request: number): boolean {
    const { progress, listener } = this.context
    const tokens = this.handedOverTokens(request)
    const cached = this.kv.matchOn(backend, request, tokens)
    if (!this.kv.admit(backend, request, cached, tokens)) {
      this.state.batches[backend]!.isBlocked = 1
      return false
    }
    this.enterBatch(backend, request, tokens)
    progress.isHandedOver[request] = 0
    progress.isTransferring[request] = 1
    listener.transferStarted(request, tokens - cached)
    return true
  }

  protected enterBatch(backend: number, request: number, computedTokens: number): void {
    const { state } = this
    const { batches } = state
    const { progress } = this.context
    const batch = batches[backend]!
    progress.computedTokens[request] = computedTokens
    progress.admission[request] = batch.admissions
    batch.admissions += 1
    this.running[backend] = this.running[backend]! + 1
  }

  protected left(backend: number, _request: number): void {
    this.running[backend] = this.running[backend]! - 1
    this.outstanding[backend] = this.outstanding[backend]! - 1
  }

  /** Gives the blocks of a request that has left the decodes back, computed ones to the cache. */
  protected leaveKv(backend: number, request: number, mayReturn: boolean): void {
    const computed = tokensComputed(this.state, backend, request)
    this.kv.leave(backend, request, computed, mayReturn)
  }

  protected preemptNewest(backend: number): number {
    if (this.state.batches[backend]!.chunked !== NONE) return this.preemptChunked(backend)
    return this.preemptDecode(backend, leaveNewest(this.state, backend))
  }

  /** Puts a request that has just left the decodes back to the queue. @returns that request */
  protected preemptDecode(backend: number, request: number): number {
    const { progress, requests } = this.context
    const computed = tokensComputed(this.state, backend, request)
    const emitted = computed + 1 - requests.promptTokens[request]!
    if (emitted > progress.emittedTokens[request]!) {
      progress.emittedTokens[request] = emitted
      progress.lastTokenMs[request] = this.latestTokenMs(backend)
    }
    this.forgetResumed(backend, request)
    this.leaveKv(backend, request, true)
    return this.requeue(backend, request)
  }

  /** A request has left the decodes before the step it had joined them for. */
  protected forgetResumed(backend: number, request: number): void {
    const resumed = this.resumed[backend]!
    const justJoined = resumed.indexOf(request)
    if (justJoined >= 0) resumed.splice(justJoined, 1)
  }

  /** When decodes got their latest token, at the start of a step. */
  protected latestTokenMs(_backend: number): number {
    return this.clock.nowMs
  }

  protected preemptChunked(backend: number): number {
    const batch = this.state.batches[backend]!
    const request = batch.chunked
    batch.chunked = NONE
    this.kv.release(backend, request, true)
    return this.requeue(backend, request)
  }

  protected requeue(backend: number, request: number): number {
    const { progress } = this.context
    progress.computedTokens[request] = 0
    progress.heldTokens[request] = 0
    progress.preemptions[request] = progress.preemptions[request]! + 1
    this.meters.preempted(backend)
    this.running[backend] = this.running[backend]! - 1
    this.waiting[backend] = this.waiting[backend]! + 1
    this.queues.pushFront(backend, request)
    return request
  }

  /** Tokens whose KV comes with a request: all but that of the latest, which is the next to compute. */
  protected handedOverTokens(request: number): number {
    return this.knownTokens(request) - 1
  }

  protected knownTokens(request: number): number {
    const { requests, progress } = this.context
    return requests.promptTokens[request]! + progress.emittedTokens[request]!
  }

  protected measure(backend: number): void {
    this.meters.advance(backend, this.waiting[backend]!, this.running[backend]!)
  }
}
