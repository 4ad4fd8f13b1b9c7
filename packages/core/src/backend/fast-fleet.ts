import type { BackendSpec } from '../engine/simulation-options.js'
import type { TokenGaps } from '../engine/token-gaps.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { Clock } from '../kernel/clock.js'
import type { BulkKvCache } from '../kv-cache/kv-cache.js'
import type { StepSegment, StepShape } from '../latency/latency-model.js'
import { type BackendCounters, BackendMeters } from './backend-meters.js'
import {
  advanceDecodes,
  blocksNeeded,
  inOrderOfAdmission,
  joinDecodes,
  leaveFinished,
  leaveNewest,
  stepsToFinish,
  stepsToSharedBlock,
  tokensComputed,
} from './decode-batches.js'
import type { Fleet, FleetContext } from './fleet.js'
import {
  ADMISSIONS,
  BASE_MS,
  BLOCK_TOKENS,
  BUDGET,
  CHUNKED,
  DECODE_REQUESTS,
  DECODES,
  FLOATS,
  FleetState,
  GUESTS,
  INTS,
  IS_BLOCKED,
  LAST_SYNC_MS,
  MAX_BATCH,
  MEASURED,
  MOST_STEPS,
  PREFILL_REQUESTS,
  PREFILL_TOKENS,
  PREFILLS,
  SHARING,
  SLOPE_MS,
  START_MS,
  STEPS,
} from './fleet-state.js'
import { IdSet } from './id-set.js'
import { beginPlan, planPrefill, prefillAt, prefillTokensAt, shapeOfPlan } from './step-plans.js'
import {
  allocateSteps,
  announceNews,
  announceNext,
  announceNone,
  beginBlocks,
  commitChunks,
  stepsThatFit,
} from './stretch-blocks.js'
import { setEnd, stepsOver, stepUnderWay } from './stretches.js'
import { WaitingQueues } from './waiting-queues.js'

const NONE = -1
/** The end of a stretch when there is none. */
const IDLE = Number.POSITIVE_INFINITY

/**
 * The same continuous batching as the reference, many steps at a time. While the batch of a backend can
 * not change (nobody finishes, nobody can be admitted, KV blocks last) its steps form one stretch with a
 * closed form, and nothing is touched per request. What a router may look at in between, the KV cache,
 * is brought up to the present by `sync`.
 *
 * Written independently of the reference, so that each tests the other.
 */
export class FastFleet implements Fleet {
  protected readonly context: FleetContext
  protected readonly clock: Clock
  private readonly gaps: TokenGaps
  protected readonly specs: readonly BackendSpec[]
  protected readonly kv: BulkKvCache
  private readonly waiting: Int32Array
  protected readonly running: Int32Array
  private readonly outstanding: Int32Array
  protected readonly state: FleetState
  private readonly meters: BackendMeters
  protected readonly queues: WaitingQueues
  /** Backends that compute one prompt over the steps of the stretch under way. */
  protected readonly chunking: IdSet
  /** Backends that hold what a request asks for. */
  private readonly holders: Int32Array
  /** Per backend: admitted requests whose KV cache has arrived since the last step. */
  protected readonly arrived: readonly number[][]
  /** Per backend: requests whose next token follows the previous one by more than a step. */
  protected readonly resumed: readonly number[][]
  private readonly shape: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: 0,
    decodeContextTokens: 0,
  }
  private readonly segment: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }

  constructor(context: FleetContext, kv: BulkKvCache) {
    const { specs, requests, loads } = context
    this.context = context
    this.clock = context.clock
    this.gaps = context.gaps
    this.specs = specs
    this.kv = kv
    this.waiting = loads.waiting
    this.running = loads.running
    this.outstanding = loads.outstanding
    this.state = new FleetState(context, kv)
    this.meters = new BackendMeters(specs.length, context.clock)
    this.queues = new WaitingQueues(specs.length, requests.size)
    this.chunking = new IdSet(specs.length)
    this.holders = new Int32Array(specs.length)
    this.arrived = specs.map(() => [])
    this.resumed = specs.map(() => [])
  }

  counters(backend: number): BackendCounters {
    this.measure(backend)
    this.sync(backend)
    const { state } = this
    const { floats } = state
    const x = backend * FLOATS
    if (state.endMs[backend] === IDLE) return this.meters.counters(backend)
    const underWay = stepUnderWay(state, backend)
    return this.meters.counters(
      backend,
      this.clock.nowMs - floats[x + START_MS]!,
      stepsOver(state, backend, underWay),
      floats[x + PREFILL_TOKENS],
      floats[x + DECODE_REQUESTS],
    )
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

  enqueueHandedOver(backend: number, request: number): void {
    this.countWaiting(backend)
    this.queues.pushBack(backend, request)
  }

  private countWaiting(backend: number): void {
    this.measure(backend)
    this.waiting[backend] = this.waiting[backend]! + 1
    this.outstanding[backend] = this.outstanding[backend]! + 1
  }

  transferCompleted(backend: number, request: number): void {
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    this.measure(backend)
    this.sync(backend)
    this.kv.commit(backend, request, this.context.progress.computedTokens[request]!)
    this.arrived[backend]!.push(request)
    ints[n + GUESTS] = ints[n + GUESTS]! + 1
    ints[n + IS_BLOCKED] = 0
  }

  releaseHandedOver(backend: number, request: number): void {
    this.measure(backend)
    this.sync(backend)
    this.kv.release(backend, request)
    this.state.ints[backend * INTS + IS_BLOCKED] = 0
  }

  interrupt(backend: number): void {
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    if (ints[n + STEPS] === 1 || state.endMs[backend] === IDLE) return
    const mayAdmit =
      ints[n + IS_BLOCKED] === 0 &&
      this.queues.peek(backend) !== NONE &&
      ints[n + BUDGET]! > 0 &&
      this.running[backend]! < ints[n + MAX_BATCH]!
    if (!mayAdmit && this.arrived[backend]!.length === 0) return
    const steps = stepUnderWay(state, backend)
    ints[n + STEPS] = steps
    // In the same instant the end may lie a few bits back.
    setEnd(state, backend, steps)
    if (state.endMs[backend]! < this.clock.nowMs) state.endMs[backend] = this.clock.nowMs
  }

  sync(backend: number): void {
    const { state } = this
    const { floats } = state
    const { nowMs } = this.clock
    const x = backend * FLOATS
    // Until the step under way ends, or again at the same instant, there is nothing new.
    if (nowMs < state.newsMs[backend]! || nowMs === floats[x + LAST_SYNC_MS]) return
    floats[x + LAST_SYNC_MS] = nowMs
    const started = stepUnderWay(state, backend)
    announceNext(state, backend, started)
    allocateSteps(state, backend, started)
    commitChunks(state, backend, stepsOver(state, backend, started))
  }

  syncMatches(request: number): void {
    const { holders } = this
    const { matchNewsMs } = this.state
    const { nowMs } = this.clock
    // Only these come to hold more within a stretch.
    const { chunking } = this
    for (let i = 0; i < chunking.size; i++) {
      const backend = chunking.members[i]!
      if (nowMs >= matchNewsMs[backend]!) this.sync(backend)
    }
    const count = this.kv.holders(request, holders)
    for (let i = 0; i < count; i++) {
      if (nowMs >= matchNewsMs[holders[i]!]!) this.sync(holders[i]!)
    }
  }

  startStep(backend: number): void {
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    this.measure(backend)
    const hasJoined = ints[n + GUESTS]! > 0 && this.joinArrived(backend)
    const hasPreempted = this.growForOneStep(backend)
    beginPlan(state, backend)
    const hasStalled = ints[n + CHUNKED] !== NONE && this.continueChunked(backend)
    ints[n + IS_BLOCKED] = 0
    if (!hasPreempted && !hasStalled) this.admitWaiting(backend)
    this.launch(backend, hasPreempted || hasStalled || hasJoined)
  }

  /** Starts the step that is planned, and those after it unless it is alone. */
  protected launch(backend: number, isAlone: boolean): void {
    const { state } = this
    const { ints, floats } = state
    const n = backend * INTS
    const x = backend * FLOATS
    if (floats[x + PREFILL_REQUESTS]! + floats[x + DECODE_REQUESTS]! === 0) {
      state.endMs[backend] = IDLE
      announceNone(state, backend)
      return
    }
    const { segment } = this
    this.specs[backend]!.latency.segment(shapeOfPlan(state, backend, this.shape), segment)
    const { nowMs } = this.clock
    floats[x + START_MS] = nowMs
    floats[x + BASE_MS] = segment.baseMs
    floats[x + SLOPE_MS] = segment.slopeMs
    const steps = isAlone ? 1 : this.stretchSteps(backend)
    ints[n + STEPS] = steps
    setEnd(state, backend, steps)
    announceNews(state, backend)
    if (steps > 1 && ints[n + PREFILLS]! > 0) this.chunking.add(backend)
    floats[x + LAST_SYNC_MS] = Number.NaN
    this.checkLatency(backend)
  }

  prolong(backend: number, endMs: number): void {
    const { floats } = this.state
    const x = backend * FLOATS
    floats[x + BASE_MS] = endMs - floats[x + START_MS]!
    this.state.endMs[backend] = endMs
  }

  completeStep(backend: number): void {
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    const k = ints[n + STEPS]!
    this.bookSteps(backend)
    this.recordGaps(backend)
    if (ints[n + DECODES]! > 0) {
      advanceDecodes(state, backend, k)
      if (ints[n + SHARING]! > 0) this.commitShared(backend)
      this.finishDecodes(backend)
    }
    if (ints[n + PREFILLS]! > 0) {
      this.chunking.remove(backend)
      this.finishPrefills(backend)
    }
  }

  /** Accounts for the steps that are over, and for their blocks. */
  protected bookSteps(backend: number): void {
    const { state } = this
    const { ints, floats } = state
    const { recorder } = this.context
    const n = backend * INTS
    const x = backend * FLOATS
    const k = ints[n + STEPS]!
    const durationMs = this.clock.nowMs - floats[x + START_MS]!
    this.measure(backend)
    this.meters.add(
      backend,
      durationMs,
      k,
      floats[x + PREFILL_TOKENS]!,
      floats[x + DECODE_REQUESTS]!,
    )
    if (recorder.stepCompleted !== undefined) {
      const shape = shapeOfPlan(this.state, backend, this.shape)
      recorder.stepCompleted(backend, floats[x + START_MS]!, durationMs, shape)
    }
    allocateSteps(state, backend, k)
    state.endMs[backend] = IDLE
    announceNone(state, backend)
  }

  // Batch

  /** Lets requests whose KV cache has arrived decode. @returns true when there were any */
  protected joinArrived(backend: number): boolean {
    const arrived = this.arrived[backend]!
    if (arrived.length === 0) return false
    for (const request of arrived) {
      joinDecodes(this.state, backend, request)
      this.resumed[backend]!.push(request)
    }
    arrived.length = 0
    return true
  }

  /** Takes the blocks that the first step of decodes needs. @returns true when it had to preempt */
  protected growForOneStep(backend: number): boolean {
    const { state } = this
    const { kv, ints } = state
    const n = backend * INTS
    if (
      this.queues.peek(backend) === NONE &&
      ints[n + CHUNKED] === NONE &&
      ints[n + DECODES]! <= kv.available(backend)
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
    const blockTokens = ints[n + BLOCK_TOKENS]!
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
    const { ints } = state
    const n = backend * INTS
    const request = ints[n + CHUNKED]!
    const computed = this.context.progress.computedTokens[request]!
    const tokens = Math.min(this.knownTokens(request) - computed, ints[n + BUDGET]!)
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
    const { ints } = state
    const n = backend * INTS
    const maxBatch = ints[n + MAX_BATCH]!
    while (running[backend]! < maxBatch && ints[n + BUDGET]! > 0) {
      const request = queues.peek(backend)
      if (request === NONE) return
      const isHandedOver = this.context.progress.isHandedOver[request] === 1
      const isAdmitted = isHandedOver
        ? this.admitHandedOver(backend, request)
        : this.admit(backend, request)
      if (!isAdmitted) return
      queues.popFront(backend)
      waiting[backend] = waiting[backend]! - 1
    }
  }

  protected admit(backend: number, request: number): boolean {
    const { state } = this
    const { ints, kv } = state
    const { progress } = this.context
    const n = backend * INTS
    const known = this.knownTokens(request)
    const cached = kv.matchOn(backend, request, known - 1)
    let tokens = Math.min(known - cached, ints[n + BUDGET]!)
    if (tokens < known - cached && !this.specs[backend]!.chunkedPrefill) {
      if (this.state.floats[backend * FLOATS + PREFILL_REQUESTS]! > 0) return false
      tokens = known - cached
    }
    if (!kv.admit(backend, request, cached, cached + tokens)) {
      ints[n + IS_BLOCKED] = 1
      return false
    }
    this.enterBatch(backend, request, cached)
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = this.clock.nowMs
      progress.cachedTokens[request] = cached
    }
    if (cached + tokens < known) ints[n + CHUNKED] = request
    planPrefill(state, backend, request, cached, tokens)
    return true
  }

  protected admitHandedOver(backend: number, request: number): boolean {
    const { progress, requests, listener } = this.context
    const promptTokens = requests.promptTokens[request]!
    const cached = this.kv.matchOn(backend, request, promptTokens)
    if (!this.kv.admit(backend, request, cached, promptTokens)) {
      this.state.ints[backend * INTS + IS_BLOCKED] = 1
      return false
    }
    this.enterBatch(backend, request, promptTokens)
    progress.isHandedOver[request] = 0
    listener.transferStarted(request, promptTokens - cached)
    return true
  }

  protected enterBatch(backend: number, request: number, computedTokens: number): void {
    const { state } = this
    const { ints } = state
    const { progress } = this.context
    const n = backend * INTS
    progress.computedTokens[request] = computedTokens
    progress.admission[request] = ints[n + ADMISSIONS]!
    ints[n + ADMISSIONS] = ints[n + ADMISSIONS]! + 1
    this.running[backend] = this.running[backend]! + 1
  }

  // Stretch

  /** How many steps this batch stays as it is, the first included. */
  private stretchSteps(backend: number): number {
    if (this.context.recorder.stepCompleted !== undefined) return 1
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    // All of it in integers: V8 is slow where a number may be infinite.
    let most = this.segment.steps < MOST_STEPS ? this.segment.steps | 0 : MOST_STEPS
    if (ints[n + PREFILLS]! > 0) most = Math.min(most, this.fullChunks(backend))
    if (most <= 1) return 1
    if (ints[n + DECODES]! > 0) most = Math.min(most, stepsToFinish(state, backend))
    if (ints[n + SHARING]! > 0) most = Math.min(most, stepsToSharedBlock(state, backend))
    return most === 1 ? 1 : stepsThatFit(state, backend, most)
  }

  /** Steps in which the chunked request, if alone, computes a full chunk. */
  private fullChunks(backend: number): number {
    const { state } = this
    const { ints } = state
    const n = backend * INTS
    const request = ints[n + CHUNKED]!
    if (ints[n + BUDGET]! > 0 || ints[n + PREFILLS] !== 1) return 1
    if (prefillAt(state, backend, 0) !== request) return 1
    const { progress } = this.context
    const tokens = prefillTokensAt(state, backend, 0)
    if (tokens === 1 && progress.emittedTokens[request]! > 0) return 1
    const computed = progress.computedTokens[request]!
    const known = this.knownTokens(request)
    // Where others have computed the prompt further, each chunk gives blocks back: step by step then.
    if (this.kv.matchOn(backend, request, known) > computed) return 1
    return ((known - computed) / tokens) | 0
  }

  private checkLatency(backend: number): void {
    const { segment } = this
    const steps = this.state.ints[backend * INTS + STEPS]!
    const lastMs = segment.baseMs + segment.slopeMs * (steps - 1)
    const endMs = this.state.endMs[backend]!
    if (segment.baseMs > 0 && lastMs > 0 && endMs < Number.POSITIVE_INFINITY) return
    const { name } = this.specs[backend]!.latency
    throw new RouteSimError(
      `latency model "${name}": expected a finite step time > 0 ms, got ${segment.baseMs} for ${JSON.stringify(shapeOfPlan(this.state, backend, this.shape))} (slope ${segment.slopeMs} over ${steps} steps)`,
      { code: 'latency_invalid' },
    )
  }

  // Completion

  /** One gap per measured decode and step; the first of a resumed request is longer than its step. */
  private recordGaps(backend: number): void {
    const { state, gaps } = this
    const { ints, floats } = state
    const n = backend * INTS
    const x = backend * FLOATS
    let measured = ints[n + MEASURED]!
    if (ints[n + GUESTS]! > 0) measured -= this.recordResumed(backend)
    if (measured === 0) return
    const at = gaps.next()
    gaps.data[at] = floats[x + BASE_MS]!
    gaps.data[at + 1] = floats[x + SLOPE_MS]!
    gaps.data[at + 2] = ints[n + STEPS]!
    gaps.data[at + 3] = measured
  }

  /** Only ever in a stretch of one step. @returns how many of the resumed are measured */
  private recordResumed(backend: number): number {
    const { progress, measuredFrom } = this.context
    const resumed = this.resumed[backend]!
    let measured = 0
    for (const request of resumed) {
      if (request < measuredFrom) continue
      measured++
      this.gaps.addOne(this.clock.nowMs - progress.lastTokenMs[request]!)
    }
    resumed.length = 0
    this.state.ints[backend * INTS + GUESTS] = this.arrived[backend]!.length
    return measured
  }

  /** Commits the blocks of answers that later prompts repeat. */
  private commitShared(backend: number): void {
    const { state } = this
    for (const request of state.sharing[backend]!) {
      this.kv.commit(backend, request, tokensComputed(state, backend, request))
    }
  }

  private finishDecodes(backend: number): void {
    const { state, context } = this
    for (;;) {
      const request = leaveFinished(state, backend)
      if (request < 0) return
      context.progress.emittedTokens[request] = context.requests.outputTokens[request]!
      this.leaveKv(backend, request, false)
      this.left(backend)
      context.listener.requestFinished(request, backend)
    }
  }

  protected finishPrefills(backend: number): void {
    const { state } = this
    const { ints } = state
    const { progress } = this.context
    const n = backend * INTS
    const count = ints[n + PREFILLS]!
    ints[n + PREFILLS] = 0
    for (let i = 0; i < count; i++) {
      const request = prefillAt(state, backend, i)
      const computed =
        progress.computedTokens[request]! + prefillTokensAt(state, backend, i) * ints[n + STEPS]!
      progress.computedTokens[request] = computed
      this.kv.commit(backend, request, computed)
      if (computed === this.knownTokens(request)) this.finishPrefill(backend, request)
    }
  }

  protected finishPrefill(backend: number, request: number): void {
    const { state } = this
    const { ints } = state
    const { progress, requests, listener, loads } = this.context
    const outputTokens = requests.outputTokens[request]!
    const chunked = backend * INTS + CHUNKED
    if (ints[chunked] === request) ints[chunked] = NONE
    if (progress.emittedTokens[request] === 0) {
      loads.pendingPromptTokens[backend] =
        loads.pendingPromptTokens[backend]! - requests.promptTokens[request]!
    }
    if (outputTokens > 0) this.emitAfterPrefill(backend, request)
    if (progress.emittedTokens[request] === outputTokens) {
      this.kv.release(backend, request)
      this.left(backend)
      listener.requestFinished(request, backend)
    } else if (progress.backend[request] !== backend) {
      this.left(backend)
      listener.prefillFinished(request)
    } else {
      joinDecodes(this.state, backend, request)
    }
  }

  private emitAfterPrefill(backend: number, request: number): void {
    const { progress, listener, measuredFrom } = this.context
    const { nowMs } = this.clock
    const emitted = progress.emittedTokens[request]! + 1
    progress.emittedTokens[request] = emitted
    if (emitted === 1) {
      progress.firstTokenMs[request] = nowMs
      listener.firstTokenProduced(request, backend)
    } else if (request >= measuredFrom) {
      this.gaps.addOne(nowMs - progress.lastTokenMs[request]!)
    }
    progress.lastTokenMs[request] = nowMs
  }

  // Leaving

  private left(backend: number): void {
    this.running[backend] = this.running[backend]! - 1
    this.outstanding[backend] = this.outstanding[backend]! - 1
  }

  /** Gives the blocks of a request that has left the decodes back, computed ones to the cache. */
  private leaveKv(backend: number, request: number, mayReturn: boolean): void {
    const computed = tokensComputed(this.state, backend, request)
    this.kv.leave(backend, request, computed, mayReturn)
  }

  protected preemptNewest(backend: number): number {
    if (this.state.ints[backend * INTS + CHUNKED] !== NONE) return this.preemptChunked(backend)
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
    const resumed = this.resumed[backend]!
    const justJoined = resumed.indexOf(request)
    if (justJoined >= 0) resumed.splice(justJoined, 1)
    this.leaveKv(backend, request, true)
    return this.requeue(backend, request)
  }

  /** When decodes got their latest token, at the start of a step. */
  protected latestTokenMs(_backend: number): number {
    return this.clock.nowMs
  }

  protected preemptChunked(backend: number): number {
    const chunked = backend * INTS + CHUNKED
    const request = this.state.ints[chunked]!
    this.state.ints[chunked] = NONE
    this.kv.release(backend, request, true)
    return this.requeue(backend, request)
  }

  private requeue(backend: number, request: number): number {
    const { progress } = this.context
    progress.computedTokens[request] = 0
    progress.preemptions[request] = progress.preemptions[request]! + 1
    this.meters.preempted(backend)
    this.running[backend] = this.running[backend]! - 1
    this.waiting[backend] = this.waiting[backend]! + 1
    this.queues.pushFront(backend, request)
    return request
  }

  protected knownTokens(request: number): number {
    const { requests, progress } = this.context
    return requests.promptTokens[request]! + progress.emittedTokens[request]!
  }

  protected measure(backend: number): void {
    this.meters.advance(backend, this.waiting[backend]!, this.running[backend]!)
  }
}
