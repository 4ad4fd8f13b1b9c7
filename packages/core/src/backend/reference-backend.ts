import type { BackendSpec } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { StepShape } from '../latency/latency-model.js'
import type { Backend, BackendContext } from './backend.js'
import { type BackendCounters, BackendMeter } from './backend-meter.js'
import { WaitingQueue } from './waiting-queue.js'

/**
 * Iteration-level continuous batching, one simulated step at a time, after the scheduler of vLLM V1:
 * every step gives each running request, oldest first, the tokens it still has to compute (one for a
 * decode, a chunk for a prompt) as far as the token budget lasts, then admits from the front of the
 * queue. When KV blocks run out, the newest running request goes back to the front of the queue and
 * is recomputed later; a step that preempts admits nobody.
 */
export class ReferenceBackend implements Backend {
  readonly id: number
  readonly spec: BackendSpec
  readonly meter: BackendMeter = new BackendMeter()
  private readonly context: BackendContext
  private readonly queue = new WaitingQueue()
  /** Running requests in order of admission, and the tokens each computes in the current step. */
  private readonly batch: Int32Array
  private readonly batchTokens: Int32Array
  private readonly maxBatch: number
  private batchSize = 0

  /** Requests of the batch that left it since the step ended. */
  private leftBatch = 0
  private stepStartMs = 0
  private endsMs = Number.NaN
  private budget = 0
  private readonly step: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: 0,
    decodeContextTokens: 0,
  }

  constructor(id: number, spec: BackendSpec, context: BackendContext) {
    this.id = id
    this.spec = spec
    this.context = context
    this.maxBatch = Math.min(spec.maxNumSeqs, spec.maxBatchTokens)
    this.batch = new Int32Array(this.maxBatch)
    this.batchTokens = new Int32Array(this.maxBatch)
  }

  get endMs(): number {
    return this.endsMs
  }

  counters(nowMs: number): BackendCounters {
    this.measure(nowMs)
    return this.meter.counters(Number.isNaN(this.endsMs) ? 0 : nowMs - this.stepStartMs)
  }

  // A step can not be interrupted, and its effects come at its ends.
  interrupt(): void {}

  sync(): void {}

  enqueue(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.queue.pushBack(request)
    this.context.loads.pendingPromptTokens[this.id]! += this.context.requests.promptTokens[request]!
    this.publish()
  }

  enqueueHandedOver(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.queue.pushBack(request)
    this.publish()
  }

  transferCompleted(request: number, nowMs: number): void {
    const { kv, progress } = this.context
    this.measure(nowMs)
    progress.isTransferring[request] = 0
    kv.commit(this.id, request, progress.computedTokens[request]!)
  }

  releaseHandedOver(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.context.kv.release(this.id, request)
  }

  startStep(nowMs: number): void {
    this.measure(nowMs)
    this.budget = this.spec.maxBatchTokens
    const step = this.step
    step.prefillTokens = 0
    step.prefillRequests = 0
    step.prefillAttentionPairs = 0
    step.decodeRequests = 0
    step.decodeContextTokens = 0

    const batchedAll = this.batchRunning(nowMs)
    if (batchedAll) this.admitWaiting(nowMs)
    this.publish()
    if (step.prefillRequests + step.decodeRequests === 0) return

    const durationMs = this.spec.latency.stepMs(step)
    if (!(durationMs > 0 && durationMs < Number.POSITIVE_INFINITY)) {
      throw new RouteSimError(
        `latency model "${this.spec.latency.name}": expected a finite step time > 0 ms, got ${durationMs} for ${JSON.stringify(step)}`,
        { code: 'latency_invalid' },
      )
    }
    this.stepStartMs = nowMs
    this.endsMs = nowMs + durationMs
  }

  completeStep(nowMs: number): void {
    const { meter, step } = this
    const durationMs = nowMs - this.stepStartMs
    this.measure(nowMs)
    meter.add(durationMs, 1, step)
    this.context.recorder.stepCompleted?.(this.id, this.stepStartMs, durationMs, step)
    this.endsMs = Number.NaN

    let kept = 0
    for (let i = 0; i < this.batchSize; i++) {
      const request = this.batch[i]!
      const stays =
        this.batchTokens[i] === 0 || this.advanceRequest(request, this.batchTokens[i]!, nowMs)
      if (stays) this.batch[kept++] = request
    }
    this.batchSize = kept
    this.leftBatch = 0
  }

  /** Gives running requests their tokens. @returns false when one had to be preempted */
  private batchRunning(nowMs: number): boolean {
    const { kv, progress } = this.context
    let preempted = false
    for (let i = 0; i < this.batchSize; i++) {
      const request = this.batch[i]!
      this.batchTokens[i] = 0
      if (progress.isTransferring[request] === 1) continue
      const computed = progress.computedTokens[request]!
      const tokens = Math.min(this.knownTokens(request) - computed, this.budget)
      if (tokens === 0) continue
      let fits = kv.extend(this.id, request, computed + tokens)
      while (!fits) {
        preempted = true
        if (this.preemptNewest(nowMs) === request) break
        fits = kv.extend(this.id, request, computed + tokens)
      }
      if (fits) this.addToStep(i, request, computed, tokens)
    }
    return !preempted
  }

  /** Admits from the front of the queue until something is short: blocks, sequences or budget. */
  private admitWaiting(nowMs: number): void {
    const { queue } = this
    while (queue.size > 0 && this.batchSize < this.maxBatch && this.budget > 0) {
      const request = queue.peek()
      const admitted =
        this.context.progress.isHandedOver[request] === 1
          ? this.admitHandedOver(request)
          : this.admit(request, nowMs)
      if (!admitted) return
      queue.popFront()
    }
  }

  private admit(request: number, nowMs: number): boolean {
    const { kv, progress } = this.context
    const known = this.knownTokens(request)
    // The last known token is computed even when it is cached: its output is the next token.
    const cached = kv.matchOn(this.id, request, known - 1)
    const remaining = known - cached
    let tokens = Math.min(remaining, this.budget)
    if (tokens < remaining && !this.spec.chunkedPrefill) {
      // A prompt that may not be split has a step to itself if it is longer than the budget.
      if (this.step.prefillRequests > 0) return false
      tokens = remaining
    }
    if (!kv.admit(this.id, request, cached, cached + tokens)) return false
    progress.computedTokens[request] = cached
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = nowMs
      progress.cachedTokens[request] = cached
    }
    const at = this.batchSize++
    this.batch[at] = request
    this.addToStep(at, request, cached, tokens)
    return true
  }

  /** Allocates the blocks of a prompt that was computed elsewhere and has what is missing sent. */
  private admitHandedOver(request: number): boolean {
    const { kv, progress, requests, listener } = this.context
    const promptTokens = requests.promptTokens[request]!
    const cached = kv.matchOn(this.id, request, promptTokens)
    if (!kv.admit(this.id, request, cached, promptTokens)) return false
    progress.computedTokens[request] = promptTokens
    progress.isHandedOver[request] = 0
    progress.isTransferring[request] = 1
    const at = this.batchSize++
    this.batch[at] = request
    this.batchTokens[at] = 0
    listener.transferStarted(request, promptTokens - cached)
    return true
  }

  private addToStep(at: number, request: number, computed: number, tokens: number): void {
    const step = this.step
    this.batchTokens[at] = tokens
    this.budget -= Math.min(tokens, this.budget)
    if (this.context.progress.emittedTokens[request]! > 0 && tokens === 1) {
      step.decodeRequests++
      step.decodeContextTokens += computed + 1
    } else {
      step.prefillRequests++
      step.prefillTokens += tokens
      step.prefillAttentionPairs += tokens * computed + (tokens * (tokens + 1)) / 2
    }
  }

  /** Sends the newest running request back to the front of the queue. @returns that request */
  private preemptNewest(nowMs: number): number {
    const { kv, progress } = this.context
    this.measure(nowMs)
    let at = this.batchSize - 1
    while (progress.isTransferring[this.batch[at]!] === 1) at--
    const victim = this.batch[at]!
    this.batch.copyWithin(at, at + 1, this.batchSize)
    this.batchTokens.copyWithin(at, at + 1, this.batchSize)
    this.batchSize--
    kv.release(this.id, victim, true)
    progress.computedTokens[victim] = 0
    progress.preemptions[victim]!++
    this.meter.preemptions++
    this.queue.pushFront(victim)
    return victim
  }

  /** Books the tokens a request computed in the step. @returns false when it left the batch */
  private advanceRequest(request: number, tokens: number, nowMs: number): boolean {
    const { kv, loads, progress, requests, listener } = this.context
    const computed = progress.computedTokens[request]! + tokens
    progress.computedTokens[request] = computed
    kv.commit(this.id, request, computed)
    if (computed < this.knownTokens(request)) return true
    if (progress.emittedTokens[request] === 0)
      loads.pendingPromptTokens[this.id]! -= requests.promptTokens[request]!

    if (requests.outputTokens[request]! > 0) this.emitToken(request, nowMs)
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

  private emitToken(request: number, nowMs: number): void {
    const { progress, listener, recorder, measuredFrom } = this.context
    const emitted = ++progress.emittedTokens[request]!
    if (emitted === 1) {
      progress.firstTokenMs[request] = nowMs
      listener.firstTokenProduced(request, this.id)
    } else if (request >= measuredFrom) {
      recorder.tokenGaps?.(nowMs - progress.lastTokenMs[request]!, 0, 1, 1)
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
    loads.waiting[this.id] = this.queue.size
    loads.running[this.id] = this.batchSize - this.leftBatch
  }

  private measure(nowMs: number): void {
    this.meter.advance(nowMs, this.queue.size, this.batchSize)
  }
}
