import type { BackendSpec } from '../../engine/simulation-options.js'
import { RouteSimError } from '../../errors/routesim-error.js'
import { shown } from '../../errors/shown.js'
import type { Clock } from '../../kernel/clock.js'
import type { StepShape } from '../../latency/latency-model.js'
import type { AdapterSlots } from '../adapter-slots.js'
import type { BackendCounters, BackendMeters } from '../backend-meters.js'
import type { FleetContext } from '../fleet.js'
import type { KvLoads } from '../kv-loads.js'
import type { Mailboxes } from '../mailboxes.js'
import type { WaitingQueues } from '../queues/waiting-queues.js'
import { ReferenceAdmission, type ReferenceParts } from './reference-admission.js'
import { ReferenceBatch } from './reference-batch.js'
import { ReferenceRunning } from './reference-running.js'
import { ReferenceStep } from './reference-step.js'

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
  private readonly mail: Mailboxes
  private readonly loads: KvLoads
  private readonly adapters: AdapterSlots
  private readonly batch: ReferenceBatch
  private readonly admission: ReferenceAdmission
  private readonly running: ReferenceRunning

  /** Requests of the batch that left it since the step ended. */
  private leftBatch = 0
  private stepStartMs = 0
  /** Running requests that are called off and leave when the step under way is over. */
  private readonly cancelled: number[] = []
  /** Those of them, or one taken out right now, that keep their KV blocks if they decode. */
  private readonly detached = new Set<number>()
  private readonly step: ReferenceStep

  constructor(id: number, context: FleetContext, meters: BackendMeters, parts: ReferenceParts) {
    const spec = context.specs[id]!
    this.id = id
    this.spec = spec
    this.context = context
    this.clock = context.clock
    this.meters = meters
    this.queues = parts.queues
    this.mail = parts.mail
    this.loads = parts.loads
    this.adapters = parts.adapters
    this.batch = new ReferenceBatch(spec, context)
    this.step = new ReferenceStep(context.progress)
    this.admission = new ReferenceAdmission(id, context, parts, this.batch, this.step)
    const { batch, step, admission } = this
    this.running = new ReferenceRunning(id, context, meters, parts, batch, step, admission)
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
    this.admission.waiting++
    this.adapters.wait(this.id, request)
    this.context.loads.pendingPromptTokens[this.id]! += this.context.requests.promptTokens[request]!
    this.publish()
  }

  enqueue(request: number): void {
    if (!this.mail.put(this.id, request)) this.queues.pushBack(this.id, request)
  }

  hasDecodes(): boolean {
    return this.batch.hasKind('decodes')
  }

  hasPrompts(): boolean {
    const next = this.queues.peek(this.id)
    return (
      this.batch.hasKind('prompts') ||
      this.loads.loaded[this.id]!.length > 0 ||
      (next >= 0 && this.context.progress.isHandedOver[next] === 0)
    )
  }

  enqueueHandedOver(request: number): void {
    this.measure()
    this.queues.pushBack(this.id, request)
    this.admission.waiting++
    this.adapters.wait(this.id, request)
    this.publish()
  }

  transferCompleted(request: number): void {
    const { kv, progress } = this.context
    this.measure()
    progress.isTransferring[request] = 0
    kv.commit(this.id, request, progress.computedTokens[request]!)
  }

  loadCompleted(request: number): void {
    this.measure()
    this.context.kv.commit(this.id, request, this.context.progress.computedTokens[request]!)
    this.loads.complete(this.id, request)
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

  /** Whether a decode gets a token in the step that is just being completed, and has not got it yet. */
  isAboutToEmit(request: number): boolean {
    const { batch } = this
    return batch.isToAdvance(request) && batch.isOfKind(request, 'decodes')
  }

  /** Stops in the middle of whatever it does; what has been computed for requests is lost. */
  fail(): void {
    const { context } = this
    this.measure()
    if (context.endMs[this.id] !== Number.POSITIVE_INFINITY)
      this.meters.add(this.id, this.clock.nowMs - this.stepStartMs, 0, 0, 0)
    context.endMs[this.id] = Number.POSITIVE_INFINITY
    this.queues.clear(this.id)
    this.mail.clear(this.id)
    this.loads.clear(this.id)
    this.adapters.clear(this.id)
    this.batch.clear()
    this.admission.waiting = 0
    this.leftBatch = 0
    this.admission.swapMs = 0
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
      if (this.loads.remove(this.id, request)) this.context.kv.release(this.id, request)
      else if (!this.mail.remove(this.id, request)) this.queues.remove(this.id, request)
      this.admission.waiting--
      this.adapters.stopWaiting(this.id, request)
      this.forgetPrompt(request)
    }
    this.publish()
    return true
  }

  private takeOut(request: number): void {
    const { progress, kv } = this.context
    const keepsKv = this.detached.delete(request) && this.batch.isOfKind(request, 'decodes')
    this.batch.remove(request)
    this.adapters.leave(this.id, request)
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
    if (this.mail.polls(this.id)) {
      for (const request of this.mail.collect(this.id, this.batch.hasKind('all')))
        this.queues.pushBack(this.id, request)
    }
    this.step.begin(this.spec.maxBatchTokens)
    if (this.spec.batching === 'prefill_first') this.batchPromptsFirst()
    else {
      const isPreempting = this.running.serve('all') === 'preempted'
      this.admission.admitLoaded()
      if (!isPreempting) this.admission.admitWaiting()
    }
    this.publish()
    const step = this.step.shape
    step.decodeSharedTokens = this.batch.sharedTokens()
    if (step.prefillRequests + step.decodeRequests === 0) return

    const durationMs = this.spec.latency.stepMs(step)
    if (!(Number.isFinite(durationMs) && durationMs > 0)) {
      throw new RouteSimError(
        `latency model "${this.spec.latency.name}": expected a finite step time > 0 ms, got ${shown(durationMs)} for ${JSON.stringify(step)}`,
        { code: 'latency_invalid' },
      )
    }
    this.stepStartMs = this.clock.nowMs
    this.context.endMs[this.id] = this.stepStartMs + durationMs + this.admission.swapMs
    this.admission.swapMs = 0
  }

  shapeOf(out: StepShape): void {
    Object.assign(out, this.step.shape)
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
    this.mail.completed(this.id, 1, step.prefillRequests)

    this.batch.keep((request, tokens) => tokens === 0 || this.advanceRequest(request, tokens))
    this.leftBatch = 0
    if (this.cancelled.length > 0) this.leaveCancelled()
  }

  /** Prompts have the step to themselves when there are any to compute; else it is one of decodes. */
  private batchPromptsFirst(): void {
    const { shape } = this.step
    const isEmpty = (): boolean => shape.prefillRequests + shape.decodeRequests === 0
    const isPreempting = this.running.serve('prompts') === 'preempted'
    this.admission.admitLoaded()
    if (!isPreempting) this.admission.admitWaiting()
    if (!isEmpty()) return
    const isEvicted = this.running.serve('decodes') === 'evicted'
    if (isEmpty()) this.admission.admitLoaded()
    if (isEvicted) this.admission.admitWaiting()
  }

  /** Books the tokens a request computed in the step. @returns false when it left the batch */
  private advanceRequest(request: number, tokens: number): boolean {
    const { kv, loads, progress, requests, listener } = this.context
    const computed = progress.computedTokens[request]! + tokens
    progress.computedTokens[request] = computed
    kv.commit(this.id, request, computed)
    if (computed < this.batch.knownTokens(request)) return true
    this.batch.promptComputed(request)
    if (progress.emittedTokens[request] === 0)
      loads.pendingPromptTokens[this.id]! -= requests.promptTokens[request]!

    if (requests.outputTokens[request]! > 0) this.emitToken(request)
    if (progress.emittedTokens[request]! === requests.outputTokens[request]!) {
      kv.release(this.id, request)
      this.leftBatch++
      this.adapters.leave(this.id, request)
      this.publish()
      listener.requestFinished(request, this.id)
      return false
    }
    if (progress.backend[request] !== this.id) {
      this.leftBatch++
      this.adapters.leave(this.id, request)
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

  /** Makes the load visible. */
  private publish(): void {
    const { loads } = this.context
    loads.waiting[this.id] = this.admission.waiting
    loads.running[this.id] = this.batch.size - this.leftBatch
    loads.outstanding[this.id] = this.admission.waiting + this.batch.size - this.leftBatch
  }

  private measure(): void {
    this.meters.advance(this.id, this.admission.waiting, this.batch.size)
  }
}
