import type { BackendSpec } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import { isEarlier } from '../kernel/instant.js'
import type { BulkKvCache } from '../kv-cache/kv-cache.js'
import type { StepSegment } from '../latency/latency-model.js'
import type { Backend, BackendContext } from './backend.js'
import type { BackendLoads } from './backend-loads.js'
import { type BackendCounters, BackendMeter } from './backend-meter.js'
import { DecodeBatch } from './decode-batch.js'
import { StepPlan } from './step-plan.js'
import { Stretch } from './stretch.js'
import { StretchBlocks } from './stretch-blocks.js'
import { WaitingQueue } from './waiting-queue.js'

const NONE = -1

/**
 * The same continuous batching as the reference backend, many steps at a time. While the batch can not
 * change (nobody finishes, nobody can be admitted, KV blocks last) its steps form one stretch with a
 * closed form, and nothing is touched per request. What a router may look at in between, the KV cache,
 * is brought up to the present by `sync`.
 *
 * Written independently of the reference, so that each tests the other.
 */
export class FastBackend implements Backend {
  readonly id: number
  readonly spec: BackendSpec
  readonly meter: BackendMeter = new BackendMeter()
  private readonly context: BackendContext
  private readonly kv: BulkKvCache
  private readonly queue = new WaitingQueue()
  private readonly maxBatch: number
  private batchSize = 0
  private admissions = 0
  private readonly loads: BackendLoads

  private readonly decodes: DecodeBatch
  /** Admitted requests whose KV cache has arrived since the last step. */
  private readonly arrived: number[] = []
  /** Requests whose next token follows the previous one by more than a step. */
  private readonly resumed: number[] = []
  /** The request whose prompt is computed over several steps. */
  private chunked = NONE

  // The step or stretch under way.
  private readonly stretch = new Stretch()
  private readonly blocks: StretchBlocks
  private endsMs = Number.NaN
  private readonly plan: StepPlan
  /** Until when `sync` has nothing to do, and when it last had. */
  private syncedToMs = 0
  private lastSyncMs = Number.NaN
  private headIsBlocked = false
  private readonly segment: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }

  constructor(id: number, spec: BackendSpec, context: BackendContext, kv: BulkKvCache) {
    this.id = id
    this.spec = spec
    this.context = context
    this.loads = context.loads
    this.kv = kv
    this.maxBatch = Math.min(spec.maxNumSeqs, spec.maxBatchTokens)
    this.decodes = new DecodeBatch(context, this.maxBatch, spec.kv.blockTokens)
    this.plan = new StepPlan(this.maxBatch)
    this.blocks = new StretchBlocks(
      id,
      spec.kv.blockTokens,
      kv,
      context.progress,
      this.decodes,
      this.plan,
    )
  }

  get endMs(): number {
    return this.endsMs
  }

  counters(nowMs: number): BackendCounters {
    this.measure(nowMs)
    this.sync(nowMs)
    const { stretch } = this
    if (Number.isNaN(this.endsMs)) return this.meter.counters()
    const underWay = stretch.stepUnderWay(nowMs)
    const done = stretch.stepsOver(nowMs, underWay)
    return this.meter.counters(nowMs - stretch.startMs, done, this.plan.shape)
  }

  enqueue(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.queue.pushBack(request)
    this.loads.pendingPromptTokens[this.id]! += this.context.requests.promptTokens[request]!
    this.publish()
  }

  enqueueHandedOver(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.queue.pushBack(request)
    this.publish()
  }

  transferCompleted(request: number, nowMs: number): void {
    const { progress } = this.context
    this.measure(nowMs)
    this.sync(nowMs)
    this.kv.commit(this.id, request, progress.computedTokens[request]!)
    this.arrived.push(request)
    this.headIsBlocked = false
  }

  releaseHandedOver(request: number, nowMs: number): void {
    this.measure(nowMs)
    this.sync(nowMs)
    this.kv.release(this.id, request)
    this.headIsBlocked = false
  }

  interrupt(nowMs: number): void {
    if (Number.isNaN(this.endsMs) || this.stretch.steps === 1) return
    const mayAdmit =
      this.queue.size > 0 &&
      !this.headIsBlocked &&
      this.plan.budget > 0 &&
      this.batchSize < this.maxBatch
    if (!mayAdmit && this.arrived.length === 0) return
    this.stretch.steps = this.stretch.stepUnderWay(nowMs)
    // In the same instant the end may lie a few bits back.
    this.endsMs = Math.max(nowMs, this.stretch.endOf(this.stretch.steps))
  }

  sync(nowMs: number): void {
    const { stretch } = this
    // Until the step under way ends, or again at the same instant, there is nothing new.
    if (isEarlier(nowMs, this.syncedToMs) || nowMs === this.lastSyncMs) return
    if (Number.isNaN(this.endsMs) || stretch.steps === 1) return
    this.lastSyncMs = nowMs
    const started = stretch.stepUnderWay(nowMs)
    this.syncedToMs = stretch.endOf(started)
    this.blocks.allocate(started)
    this.blocks.commitChunks(stretch.stepsOver(nowMs, started))
  }

  startStep(nowMs: number): void {
    this.measure(nowMs)
    const { decodes, plan, stretch } = this
    const hasJoined = this.joinArrived()
    const hasPreempted = this.growForOneStep(nowMs)
    plan.begin(this.spec.maxBatchTokens, decodes.size, decodes.contextTokens)
    const hasStalled = this.continueChunked()
    this.headIsBlocked = false
    if (!hasPreempted && !hasStalled) this.admitWaiting(nowMs)
    this.publish()
    if (plan.shape.prefillRequests + plan.shape.decodeRequests === 0) {
      this.endsMs = Number.NaN
      return
    }
    this.spec.latency.segment(plan.shape, this.segment)
    stretch.startMs = nowMs
    stretch.baseMs = this.segment.baseMs
    stretch.slopeMs = this.segment.slopeMs
    const isAlone = hasPreempted || hasStalled || hasJoined
    stretch.steps = isAlone ? 1 : this.stretchSteps()
    this.endsMs = stretch.endOf(stretch.steps)
    this.syncedToMs = stretch.endOf(1)
    this.lastSyncMs = Number.NaN
    this.checkLatency()
  }

  completeStep(nowMs: number): void {
    const { stretch } = this
    const { shape } = this.plan
    const k = stretch.steps
    const durationMs = nowMs - stretch.startMs
    this.measure(nowMs)
    this.meter.add(durationMs, k, shape)
    this.context.recorder.stepCompleted?.(this.id, stretch.startMs, durationMs, shape)
    this.blocks.allocate(k)
    this.recordGaps(nowMs)
    this.endsMs = Number.NaN
    this.decodes.advance(k)
    this.commitShared()
    this.finishDecodes()
    this.finishPrefills(nowMs)
  }

  // Batch

  /** Lets requests whose KV cache has arrived decode. @returns true when there were any */
  private joinArrived(): boolean {
    const { arrived } = this
    if (arrived.length === 0) return false
    for (const request of arrived) {
      this.decodes.join(request)
      this.resumed.push(request)
    }
    arrived.length = 0
    return true
  }

  /** Takes the blocks that the first step of decodes needs. @returns true when it had to preempt */
  private growForOneStep(nowMs: number): boolean {
    const needed = this.decodes.blocksNeeded(1)
    this.blocks.begin(needed)
    if (needed === 0) return false
    if (needed <= this.kv.available(this.id)) {
      this.kv.take(this.id, needed)
      return false
    }
    // Blocks run out in this step: go through the requests in order of admission.
    const order = this.decodes.inOrderOfAdmission()
    const left = new Set(order)
    for (const request of order) {
      if (
        !left.has(request) ||
        this.decodes.computedTokens(request) % this.spec.kv.blockTokens !== 0
      )
        continue
      while (left.has(request) && this.kv.available(this.id) === 0) {
        left.delete(this.preemptNewest(nowMs))
      }
      if (left.has(request)) this.kv.take(this.id, 1)
    }
    this.blocks.begin(this.decodes.blocksNeeded(1))
    return true
  }

  /** Gives the request that is prefilled over several steps its next chunk. @returns true when blocks ran out */
  private continueChunked(): boolean {
    const request = this.chunked
    if (request === NONE) return false
    const computed = this.context.progress.computedTokens[request]!
    const tokens = Math.min(this.knownTokens(request) - computed, this.plan.budget)
    if (tokens === 0) return false
    if (this.kv.extend(this.id, request, computed + tokens)) {
      this.addToStep(request, computed, tokens)
      return false
    }
    this.preemptChunked()
    return true
  }

  private admitWaiting(nowMs: number): void {
    const { queue } = this
    while (queue.size > 0 && this.batchSize < this.maxBatch && this.plan.budget > 0) {
      const request = queue.peek()
      const isHandedOver = this.context.progress.isHandedOver[request] === 1
      const isAdmitted = isHandedOver ? this.admitHandedOver(request) : this.admit(request, nowMs)
      if (!isAdmitted) return
      queue.popFront()
    }
  }

  private admit(request: number, nowMs: number): boolean {
    const { progress } = this.context
    const known = this.knownTokens(request)
    const cached = this.kv.matchOn(this.id, request, known - 1)
    let tokens = Math.min(known - cached, this.plan.budget)
    if (tokens < known - cached && !this.spec.chunkedPrefill) {
      if (this.plan.shape.prefillRequests > 0) return false
      tokens = known - cached
    }
    if (!this.kv.admit(this.id, request, cached, cached + tokens)) {
      this.headIsBlocked = true
      return false
    }
    this.enterBatch(request, cached)
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = nowMs
      progress.cachedTokens[request] = cached
    }
    if (cached + tokens < known) this.chunked = request
    this.addToStep(request, cached, tokens)
    return true
  }

  private admitHandedOver(request: number): boolean {
    const { progress, requests, listener } = this.context
    const promptTokens = requests.promptTokens[request]!
    const cached = this.kv.matchOn(this.id, request, promptTokens)
    if (!this.kv.admit(this.id, request, cached, promptTokens)) {
      this.headIsBlocked = true
      return false
    }
    this.enterBatch(request, promptTokens)
    progress.isHandedOver[request] = 0
    listener.transferStarted(request, promptTokens - cached)
    return true
  }

  private enterBatch(request: number, computedTokens: number): void {
    const { progress } = this.context
    progress.computedTokens[request] = computedTokens
    progress.admission[request] = this.admissions++
    this.batchSize++
  }

  private addToStep(request: number, computed: number, tokens: number): void {
    const hasAnswered = this.context.progress.emittedTokens[request]! > 0
    this.plan.addPrefill(request, computed, tokens, hasAnswered)
  }

  // Stretch

  /** How many steps this batch stays as it is, the first included. */
  private stretchSteps(): number {
    const { recorder } = this.context
    if (recorder.stepCompleted !== undefined) return 1
    let most = Math.max(1, Math.floor(this.segment.steps))
    most = Math.min(most, this.decodes.stepsToFinish, this.decodes.stepsToSharedBlock)
    if (this.plan.prefillCount > 0) most = Math.min(most, this.fullChunks())
    return most <= 1 ? 1 : this.blocks.stepsThatFit(most)
  }

  /** Steps in which the chunked request, if alone, computes a full chunk. */
  private fullChunks(): number {
    const request = this.chunked
    const { plan } = this
    if (plan.prefillCount !== 1 || plan.prefills[0] !== request || plan.budget > 0) return 1
    const { progress } = this.context
    const tokens = plan.prefillTokens[0]!
    if (tokens === 1 && progress.emittedTokens[request]! > 0) return 1
    const computed = progress.computedTokens[request]!
    const known = this.knownTokens(request)
    // Where others have computed the prompt further, each chunk gives blocks back: step by step then.
    if (this.kv.matchOn(this.id, request, known) > computed) return 1
    return Math.floor((known - computed) / tokens)
  }

  private checkLatency(): void {
    const { stretch, segment } = this
    const lastMs = stretch.baseMs + stretch.slopeMs * (stretch.steps - 1)
    if (stretch.baseMs > 0 && lastMs > 0 && this.endsMs < Number.POSITIVE_INFINITY) return
    throw new RouteSimError(
      `latency model "${this.spec.latency.name}": expected a finite step time > 0 ms, got ${stretch.baseMs} for ${JSON.stringify(this.plan.shape)} (slope ${segment.slopeMs} over ${stretch.steps} steps)`,
      { code: 'latency_invalid' },
    )
  }

  // Completion

  /** One gap per measured decode and step; the first of a resumed request is longer than its step. */
  private recordGaps(nowMs: number): void {
    const { recorder, progress, measuredFrom } = this.context
    let { measured } = this.decodes
    if (this.resumed.length > 0) {
      // Only ever in a stretch of one step.
      for (const request of this.resumed) {
        if (request < measuredFrom) continue
        measured--
        recorder.tokenGaps?.(nowMs - progress.lastTokenMs[request]!, 0, 1, 1)
      }
      this.resumed.length = 0
    }
    if (measured === 0) return
    recorder.tokenGaps?.(this.stretch.baseMs, this.stretch.slopeMs, this.stretch.steps, measured)
  }

  /** Commits the blocks of answers that later prompts repeat. */
  private commitShared(): void {
    for (const request of this.decodes.sharing) {
      this.kv.commit(this.id, request, this.decodes.computedTokens(request))
    }
  }

  private finishDecodes(): void {
    const { context, decodes } = this
    for (let request = decodes.leaveFinished(); request >= 0; request = decodes.leaveFinished()) {
      context.progress.emittedTokens[request] = context.requests.outputTokens[request]!
      this.leaveKv(request, false)
      this.batchSize--
      this.publish()
      context.listener.requestFinished(request, this.id)
    }
  }

  private finishPrefills(nowMs: number): void {
    const { progress } = this.context
    const count = this.plan.prefillCount
    this.plan.prefillCount = 0
    for (let i = 0; i < count; i++) {
      const request = this.plan.prefills[i]!
      const computed =
        progress.computedTokens[request]! + this.plan.prefillTokens[i]! * this.stretch.steps
      progress.computedTokens[request] = computed
      this.kv.commit(this.id, request, computed)
      if (computed === this.knownTokens(request)) this.finishPrefill(request, nowMs)
    }
  }

  private finishPrefill(request: number, nowMs: number): void {
    const { progress, requests, listener } = this.context
    const outputTokens = requests.outputTokens[request]!
    if (this.chunked === request) this.chunked = NONE
    if (progress.emittedTokens[request] === 0)
      this.loads.pendingPromptTokens[this.id]! -= requests.promptTokens[request]!
    if (outputTokens > 0) this.emitAfterPrefill(request, nowMs)
    if (progress.emittedTokens[request] === outputTokens) {
      this.kv.release(this.id, request)
      this.batchSize--
      this.publish()
      listener.requestFinished(request, this.id)
    } else if (progress.backend[request] !== this.id) {
      this.batchSize--
      this.publish()
      listener.prefillFinished(request)
    } else {
      this.decodes.join(request)
    }
  }

  private emitAfterPrefill(request: number, nowMs: number): void {
    const { progress, listener, recorder, measuredFrom } = this.context
    const emitted = progress.emittedTokens[request]! + 1
    progress.emittedTokens[request] = emitted
    if (emitted === 1) {
      progress.firstTokenMs[request] = nowMs
      listener.firstTokenProduced(request, this.id)
    } else if (request >= measuredFrom) {
      recorder.tokenGaps?.(nowMs - progress.lastTokenMs[request]!, 0, 1, 1)
    }
    progress.lastTokenMs[request] = nowMs
  }

  // Leaving

  /** Gives the blocks of a request that has left the decodes back, computed ones to the cache. */
  private leaveKv(request: number, mayReturn: boolean): void {
    const computed = this.decodes.computedTokens(request)
    this.kv.setBlocks(this.id, request, Math.ceil(computed / this.spec.kv.blockTokens))
    this.kv.commit(this.id, request, computed)
    this.kv.release(this.id, request, mayReturn)
  }

  private preemptNewest(nowMs: number): number {
    if (this.chunked !== NONE) return this.preemptChunked()
    const { progress, requests } = this.context
    const request = this.decodes.leaveNewest()
    const emitted = this.decodes.computedTokens(request) + 1 - requests.promptTokens[request]!
    if (emitted > progress.emittedTokens[request]!) {
      progress.emittedTokens[request] = emitted
      progress.lastTokenMs[request] = nowMs
    }
    const justJoined = this.resumed.indexOf(request)
    if (justJoined >= 0) this.resumed.splice(justJoined, 1)
    this.leaveKv(request, true)
    return this.requeue(request)
  }

  private preemptChunked(): number {
    const request = this.chunked
    this.chunked = NONE
    this.kv.release(this.id, request, true)
    return this.requeue(request)
  }

  private requeue(request: number): number {
    const { progress } = this.context
    progress.computedTokens[request] = 0
    progress.preemptions[request] = progress.preemptions[request]! + 1
    this.meter.preemptions++
    this.batchSize--
    this.queue.pushFront(request)
    return request
  }

  private knownTokens(request: number): number {
    const { requests, progress } = this.context
    return requests.promptTokens[request]! + progress.emittedTokens[request]!
  }

  /** Makes the load visible. */
  private publish(): void {
    this.loads.waiting[this.id] = this.queue.size
    this.loads.running[this.id] = this.batchSize
  }

  private measure(nowMs: number): void {
    this.meter.advance(nowMs, this.queue.size, this.batchSize)
  }
}
