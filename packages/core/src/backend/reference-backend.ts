import type { BackendSpec } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { Clock } from '../kernel/clock.js'
import type { KvUsage } from '../kv-cache/kv-cache.js'
import type { BackendCounters, BackendMeters } from './backend-meters.js'
import { preemptsNewest, reservedShare, reservedTokens } from './engine-policies.js'
import type { FleetContext } from './fleet.js'
import { ReferenceBatch, type RequestKind } from './reference-batch.js'
import { ReferenceStep } from './reference-step.js'
import type { WaitingQueues } from './waiting-queues.js'

/**
 * Iteration-level continuous batching, one simulated step at a time, after the scheduler of vLLM V1:
 * every step gives each running request, oldest first, the tokens it still has to compute (one for a
 * decode, a chunk for a prompt) as far as the token budget lasts, then admits from the front of the
 * queue. When KV blocks run out, the newest running request goes back to the front of the queue and
 * is recomputed later; a step that preempts admits nobody. `engine-policies.ts` says what other engines
 * do instead.
 */
export class ReferenceBackend {
  readonly id: number
  readonly spec: BackendSpec
  private readonly context: FleetContext
  private readonly clock: Clock
  private readonly meters: BackendMeters
  private readonly queues: WaitingQueues
  /** Requests in the queue, and those sent here that are still in the front end. */
  private waiting = 0
  private readonly batch: ReferenceBatch

  /** Requests of the batch that left it since the step ended. */
  private leftBatch = 0
  private stepStartMs = 0
  /** Time for KV on its way to host memory and back, which the next step waits for. */
  private swapMs = 0
  /** Running requests that are called off and leave when the step under way is over. */
  private readonly cancelled: number[] = []
  /** Those of them, or one taken out right now, that keep their KV blocks if they decode. */
  private readonly detached = new Set<number>()
  private readonly usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
  private readonly step: ReferenceStep

  constructor(id: number, context: FleetContext, meters: BackendMeters, queues: WaitingQueues) {
    const spec = context.specs[id]!
    this.id = id
    this.spec = spec
    this.context = context
    this.clock = context.clock
    this.meters = meters
    this.queues = queues
    this.batch = new ReferenceBatch(spec, context)
    this.step = new ReferenceStep(context.progress)
  }

  counters(): BackendCounters {
    this.measure()
    return this.meters.counters(
      this.id,
      this.context.endMs[this.id] === Number.POSITIVE_INFINITY
        ? 0
        : this.clock.nowMs - this.stepStartMs,
    )
  }

  accept(request: number): void {
    this.measure()
    this.waiting++
    this.context.loads.pendingPromptTokens[this.id]! += this.context.requests.promptTokens[request]!
    this.publish()
  }

  enqueue(request: number): void {
    this.queues.pushBack(this.id, request)
  }

  enqueueHandedOver(request: number): void {
    this.measure()
    this.queues.pushBack(this.id, request)
    this.waiting++
    this.publish()
  }

  transferCompleted(request: number): void {
    const { kv, progress } = this.context
    this.measure()
    progress.isTransferring[request] = 0
    kv.commit(this.id, request, progress.computedTokens[request]!)
  }

  releaseHandedOver(request: number): void {
    this.measure()
    this.context.kv.release(this.id, request)
  }

  /** Names every request that decodes with its output tokens. */
  emitted(tell: (request: number, tokens: number) => void): void {
    const { batch } = this
    const { emittedTokens } = this.context.progress
    for (let i = 0; i < batch.size; i++) {
      const request = batch.requests[i]!
      if (batch.isOfKind(request, 'decodes')) tell(request, emittedTokens[request]!)
    }
  }

  /** Stops in the middle of whatever it does; what has been computed for requests is lost. */
  fail(): void {
    const { context } = this
    this.measure()
    if (context.endMs[this.id] !== Number.POSITIVE_INFINITY)
      this.meters.add(this.id, this.clock.nowMs - this.stepStartMs, 0, 0, 0)
    context.endMs[this.id] = Number.POSITIVE_INFINITY
    this.queues.clear(this.id)
    this.batch.clear()
    this.waiting = 0
    this.leftBatch = 0
    this.swapMs = 0
    this.cancelled.length = 0
    this.detached.clear()
    context.loads.pendingPromptTokens[this.id] = 0
    this.publish()
  }

  detach(request: number): boolean {
    this.detached.add(request)
    return this.remove(request)
  }

  cancel(request: number): boolean {
    this.detached.delete(request)
    return this.remove(request)
  }

  private remove(request: number): boolean {
    const isTransferring = this.context.progress.isTransferring[request] === 1
    this.measure()
    const isInBatch = this.batch.has(request)
    if (isInBatch && !isTransferring) {
      if (this.context.endMs[this.id] !== Number.POSITIVE_INFINITY) {
        this.cancelled.push(request)
        return false
      }
    }
    if (isInBatch) this.takeOut(request)
    else {
      this.detached.delete(request)
      this.queues.remove(this.id, request)
      this.waiting--
      this.forgetPrompt(request)
    }
    this.publish()
    return true
  }

  private takeOut(request: number): void {
    const { progress, kv } = this.context
    const keepsKv = this.detached.delete(request) && this.batch.isOfKind(request, 'decodes')
    this.batch.remove(request)
    progress.isTransferring[request] = 0
    if (keepsKv) progress.isHandedOver[request] = 1
    else kv.release(this.id, request)
    this.forgetPrompt(request)
  }

  /** A prompt whose first token will not come is pending no longer. */
  private forgetPrompt(request: number): void {
    const { loads, progress, requests } = this.context
    if (progress.emittedTokens[request] === 0 && progress.prefillBackend[request] === this.id)
      loads.pendingPromptTokens[this.id]! -= requests.promptTokens[request]!
  }

  /** Takes requests out that were called off during the step. */
  private leaveCancelled(): void {
    for (const request of this.cancelled.splice(0)) {
      if (!this.batch.has(request)) {
        this.detached.delete(request)
        continue
      }
      this.takeOut(request)
      this.publish()
      this.context.listener.requestCancelled(request)
    }
  }

  startStep(): void {
    this.measure()
    this.step.begin(this.spec.maxBatchTokens)
    if (this.spec.batching === 'prefill_first') this.batchPromptsFirst()
    else if (this.batchRunning('all') !== 'preempted') this.admitWaiting()
    this.publish()
    const step = this.step.shape
    if (step.prefillRequests + step.decodeRequests === 0) return

    const durationMs = this.spec.latency.stepMs(step)
    if (!(durationMs > 0 && durationMs < Number.POSITIVE_INFINITY)) {
      throw new RouteSimError(
        `latency model "${this.spec.latency.name}": expected a finite step time > 0 ms, got ${durationMs} for ${JSON.stringify(step)}`,
        { code: 'latency_invalid' },
      )
    }
    this.stepStartMs = this.clock.nowMs
    this.context.endMs[this.id] = this.stepStartMs + durationMs + this.swapMs
    this.swapMs = 0
  }

  prolong(endMs: number): void {
    this.context.endMs[this.id] = endMs
  }

  completeStep(): void {
    const step = this.step.shape
    const durationMs = this.clock.nowMs - this.stepStartMs
    this.measure()
    this.meters.add(this.id, durationMs, 1, step.prefillTokens, step.decodeRequests)
    this.context.recorder.stepCompleted?.(this.id, this.stepStartMs, durationMs, step)
    this.context.endMs[this.id] = Number.POSITIVE_INFINITY

    this.batch.keep((request, tokens) => tokens === 0 || this.advanceRequest(request, tokens))
    this.leftBatch = 0
    if (this.cancelled.length > 0) this.leaveCancelled()
  }

  /** Prompts have the step to themselves when there are any to compute; else it is one of decodes. */
  private batchPromptsFirst(): void {
    if (this.batchRunning('prompts') !== 'preempted') this.admitWaiting()
    if (this.step.shape.prefillRequests + this.step.shape.decodeRequests > 0) return
    if (this.batchRunning('decodes') === 'evicted') this.admitWaiting()
  }

  /**
   * Gives running requests of a kind their tokens.
   * @returns whether all were served, some preempted, or all put back to the queue
   */
  private batchRunning(kind: RequestKind): 'served' | 'preempted' | 'evicted' {
    const { batch } = this
    const { kv, progress } = this.context
    const { preemption } = this.spec
    let preempted = false
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
      batch.tokens[i] = 0
      if (!batch.isOfKind(request, kind)) continue
      const computed = progress.computedTokens[request]!
      const tokens = Math.min(this.knownTokens(request) - computed, this.step.budget)
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

  /** Admits from the front of the queue until something is short: blocks, sequences or budget. */
  private admitWaiting(): void {
    const { queues } = this
    if (this.batch.size === this.batch.capacity || this.step.budget === 0) return
    if (queues.peek(this.id) >= 0) queues.arrange(this.id)
    while (this.batch.size < this.batch.capacity && this.step.budget > 0) {
      const request = queues.peek(this.id)
      if (request < 0) return
      const admitted =
        this.context.progress.isHandedOver[request] === 1
          ? this.admitHandedOver(request)
          : this.admit(request)
      if (!admitted) return
      queues.popFront(this.id)
      this.waiting--
    }
  }

  private admit(request: number): boolean {
    const { batch } = this
    const { kv, progress } = this.context
    const known = this.knownTokens(request)
    // The last known token is computed even when it is cached: its output is the next token.
    const cached = kv.matchOn(this.id, request, known - 1)
    const swapped = progress.swappedTokens[request] ?? 0
    const computed = Math.max(cached, swapped)
    const remaining = known - computed
    let tokens = Math.min(remaining, this.step.budget)
    if (tokens < remaining && !this.spec.chunkedPrefill) {
      // A prompt that may not be split has a step to itself if it is longer than the budget.
      if (this.step.shape.prefillRequests > 0) return false
      tokens = remaining
    }
    if (!this.isReserveThere(request, cached, computed + tokens)) return false
    if (!kv.admit(this.id, request, cached, computed + tokens)) return false
    progress.computedTokens[request] = computed
    progress.swappedTokens[request] = 0
    this.swapIn(computed - cached)
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = this.clock.nowMs
      progress.cachedTokens[request] = cached
    }
    batch.tokens[batch.add(request, true)] = tokens
    this.step.add(request, computed, tokens)
    return true
  }

  /** Allocates the blocks of a prompt that was computed elsewhere and has what is missing sent. */
  private admitHandedOver(request: number): boolean {
    const { batch } = this
    const { kv, progress, listener } = this.context
    // The KV of its latest token is what it computes next.
    const tokens = this.knownTokens(request) - 1
    const cached = kv.matchOn(this.id, request, tokens)
    if (!this.isReserveThere(request, cached, tokens)) return false
    if (!kv.admit(this.id, request, cached, tokens)) return false
    progress.computedTokens[request] = tokens
    progress.isHandedOver[request] = 0
    progress.isTransferring[request] = 1
    batch.add(request, false)
    listener.transferStarted(request, tokens - cached)
    return true
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

  /** Whether blocks last for a request and what is set aside for all. */
  private isReserveThere(request: number, cached: number, tokens: number): boolean {
    if (reservedShare(this.spec) === 0) return true
    const { batch } = this
    const { kv, progress } = this.context
    const { blockTokens } = this.spec.kv
    let reserved = 0
    for (let i = 0; i < batch.size; i++) {
      const running = batch.requests[i]!
      const held = progress.computedTokens[running]! + batch.tokens[i]!
      const target = Math.max(held, this.tokensSetAside(running))
      reserved += Math.ceil(target / blockTokens) - Math.ceil(held / blockTokens)
    }
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

  /** Sends the running request at a place back to the front of the queue. @returns that request */
  private preempt(at: number): number {
    const { kv, progress } = this.context
    this.measure()
    const victim = this.batch.removeAt(at)
    kv.release(this.id, victim, true)
    if (this.spec.preemption === 'swap') {
      const computed = progress.computedTokens[victim]!
      progress.swappedTokens[victim] = computed
      this.swapMs += computed * this.spec.swapMsPerToken!
    }
    progress.computedTokens[victim] = 0
    progress.preemptions[victim]!++
    this.meters.preempted(this.id)
    this.queues.pushFront(this.id, victim)
    this.waiting++
    return victim
  }

  /** Books the tokens a request computed in the step. @returns false when it left the batch */
  private advanceRequest(request: number, tokens: number): boolean {
    const { kv, loads, progress, requests, listener } = this.context
    const computed = progress.computedTokens[request]! + tokens
    progress.computedTokens[request] = computed
    kv.commit(this.id, request, computed)
    if (computed < this.knownTokens(request)) return true
    this.batch.promptComputed(request)
    if (progress.emittedTokens[request] === 0)
      loads.pendingPromptTokens[this.id]! -= requests.promptTokens[request]!

    if (requests.outputTokens[request]! > 0) this.emitToken(request)
    if (progress.emittedTokens[request]! === requests.outputTokens[request]!) {
      kv.release(this.id, request)
      this.leftBatch++
      this.publish()
      listener.requestFinished(request, this.id)
      return false
    }
    if (progress.backend[request] !== this.id) {
      this.leftBatch++
      this.publish()
      listener.prefillFinished(request)
      return false
    }
    return true
  }

  private emitToken(request: number): void {
    const { progress, listener, gaps, measuredFrom } = this.context
    const { nowMs } = this.clock
    const emitted = ++progress.emittedTokens[request]!
    if (emitted === 1) {
      progress.firstTokenMs[request] = nowMs
      listener.firstTokenProduced(request, this.id)
    } else if (request >= measuredFrom) {
      gaps.addOne(nowMs - progress.lastTokenMs[request]!)
    }
    progress.lastTokenMs[request] = nowMs
  }

  /** Prompt and output tokens that exist so far: what must be computed before the next one comes. */
  private knownTokens(request: number): number {
    const { requests, progress } = this.context
    return requests.promptTokens[request]! + progress.emittedTokens[request]!
  }

  /** Makes the load visible. */
  private publish(): void {
    const { loads } = this.context
    loads.waiting[this.id] = this.waiting
    loads.running[this.id] = this.batch.size - this.leftBatch
    loads.outstanding[this.id] = this.waiting + this.batch.size - this.leftBatch
  }

  private measure(): void {
    this.meters.advance(this.id, this.waiting, this.batch.size)
  }
}
