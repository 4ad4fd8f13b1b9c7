import type { TokenGaps } from '../../engine/results/token-gaps.js'
import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import type { StepSegment, StepShape } from '../../latency/latency-model.js'
import type { AdapterState } from '../../routing/cluster-view.js'
import type { BackendCounters } from '../backend-meters.js'
import type { Fleet, FleetContext } from '../fleet.js'
import type { KvTierCounters } from '../kv-loads.js'
import { MOST_INT } from './backend-batch.js'
import {
  advanceDecodes,
  isDecoding,
  joinDecodes,
  leaveFinished,
  tokensComputed,
} from './decode-batches.js'
import { requestAt } from './finish-heap.js'
import { FleetBatches } from './fleet-batches.js'
import { beginPlan, prefillAt, prefillTokensAt, shapeOfPlan } from './step-plans.js'
import {
  allocateSteps,
  announceNews,
  announceNext,
  announceNone,
  changesMatches,
  commitChunks,
} from './stretch-blocks.js'
import { checkLatency, stepsTogether } from './stretch-length.js'
import { setEnd, stepsOver, stepUnderWay } from './stretches.js'

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
export class FastFleet extends FleetBatches implements Fleet {
  private readonly gaps: TokenGaps
  /** Whether a request that was handed over may return to where its prompt was computed. */
  protected readonly mayComeBack: boolean = false
  /** Backends that hold what a request asks for. */
  private readonly holders: Int32Array
  private readonly shape: StepShape = {
    prefillTokens: 0,
    prefillRequests: 0,
    prefillAttentionPairs: 0,
    decodeRequests: 0,
    decodeContextTokens: 0,
    decodeSharedTokens: 0,
  }
  private readonly segment: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    const { specs } = context
    this.gaps = context.gaps
    this.holders = new Int32Array(specs.length)
  }

  counters(backend: number): BackendCounters {
    this.measure(backend)
    this.sync(backend)
    const { state } = this
    const batch = state.batches[backend]!
    if (state.endMs[backend] === IDLE) return this.meters.counters(backend)
    const underWay = stepUnderWay(state, backend)
    return this.meters.counters(
      backend,
      this.clock.nowMs - batch.startMs,
      stepsOver(state, backend, underWay),
      batch.prefillTokens,
      batch.decodeRequests,
    )
  }

  transferCompleted(backend: number, request: number): void {
    const { state } = this
    const batch = state.batches[backend]!
    this.measure(backend)
    this.sync(backend)
    const { progress } = this.context
    progress.isTransferring[request] = 0
    this.kv.commit(backend, request, progress.computedTokens[request]!)
    this.arrived[backend]!.push(request)
    batch.guests += 1
    batch.isBlocked = 0
  }

  // Only backends with lower tiers load anything.
  loadCompleted(_backend: number, _request: number): void {}

  // Nor do backends without slots for adapters tell of any.
  adapterState(_backend: number): AdapterState | undefined {
    return undefined
  }

  adapterLoads(_backend: number): number | undefined {
    return undefined
  }

  tierCounters(_backend: number): readonly KvTierCounters[] {
    return []
  }

  releaseHandedOver(backend: number, request: number): void {
    this.measure(backend)
    this.sync(backend)
    this.kv.release(backend, request, this.mayComeBack)
    this.state.batches[backend]!.isBlocked = 0
  }

  interrupt(backend: number): void {
    const { state } = this
    const batch = state.batches[backend]!
    if (batch.steps === 1 || state.endMs[backend] === IDLE) return
    const mayAdmit =
      batch.isBlocked === 0 &&
      this.queues.peek(backend) !== NONE &&
      batch.budget > 0 &&
      this.running[backend]! < batch.maxBatch
    if (mayAdmit || this.arrived[backend]!.length > 0) this.endWithPresentStep(backend)
  }

  /** Lets a stretch of several steps end with the one under way. */
  protected endWithPresentStep(backend: number): void {
    const { state } = this
    const steps = stepUnderWay(state, backend)
    state.batches[backend]!.steps = steps
    // In the same instant the end may lie a few bits back.
    setEnd(state, backend, steps)
    if (state.endMs[backend]! < this.clock.nowMs) state.endMs[backend] = this.clock.nowMs
  }

  sync(backend: number): void {
    const { time, newsMs, batches } = this.state
    const nowMs = time[0]!
    // Until the step under way ends, or again at the same instant, there is nothing new.
    if (nowMs < newsMs[backend]! || nowMs === batches[backend]!.lastSyncMs) return
    this.catchUp(backend)
  }

  /** Apart from the usual case, so that V8 inlines that where all backends are looked at. */
  private catchUp(backend: number): void {
    const { state } = this
    const { time, batches } = state
    // While others end their steps of this instant, its own are not over.
    batches[backend]!.lastSyncMs = backend > time[1]! ? Number.NaN : time[0]!
    const started = stepUnderWay(state, backend)
    announceNext(state, backend, started)
    allocateSteps(state, backend, started)
    commitChunks(state, backend, stepsOver(state, backend, started))
  }

  syncSettled(backend: number): void {
    const { state } = this
    if (state.endMs[backend] === IDLE) return
    const over = stepsOver(state, backend, stepUnderWay(state, backend))
    allocateSteps(state, backend, Math.min(over + 1, state.batches[backend]!.steps))
  }

  emitted(backend: number, tell: (request: number, tokens: number) => void): void {
    // Most backends of a large fleet, asked often.
    if (this.running[backend] === 0) return
    const { decodes } = this.state.batches[backend]!
    this.tellEmitted(backend, decodes, this.stepsDone(backend), tell)
  }

  emittedTokens(backend: number, request: number): number {
    const { state } = this
    if (!isDecoding(state, request)) return state.emittedTokens[request]!
    return this.tokensOf(backend, request) + this.stepsDone(backend)
  }

  /** Steps of the stretch under way that have given every decode a token. */
  protected stepsDone(backend: number): number {
    const { state } = this
    if (state.endMs[backend] === IDLE) return 0
    return stepsOver(state, backend, stepUnderWay(state, backend))
  }

  /** Output tokens that a decode had when the stretch under way began. */
  private tokensOf(backend: number, request: number): number {
    const { state } = this
    return tokensComputed(state, backend, request) + 1 - state.promptTokens[request]!
  }

  /** @param steps - over of the stretch under way, each of which gave the decodes a token */
  protected tellEmitted(
    backend: number,
    decodes: number,
    steps: number,
    tell: (request: number, tokens: number) => void,
  ): void {
    const { state, arrived } = this
    const first = state.batches[backend]!.firstPlace
    for (let i = 0; i < decodes; i++) {
      const request = requestAt(state.heap, first, i)
      tell(request, this.tokensOf(backend, request) + steps)
    }
    const guests = arrived[backend]!
    for (let i = 0; i < guests.length; i++) tell(guests[i]!, state.emittedTokens[guests[i]!]!)
  }

  syncMatches(request: number): void {
    const { holders } = this
    const { evicting, growing, newsMs, time } = this.state
    const nowMs = time[0]!
    for (let i = 0; i < growing.size; i++) {
      const backend = growing.members[i]!
      if (nowMs >= newsMs[backend]!) this.sync(backend)
    }
    // What is evicted where nothing of the prompt is, it does not look for.
    const count = evicting.size === 0 ? 0 : this.kv.holders(request, evicting, holders)
    for (let i = 0; i < count; i++) {
      if (nowMs >= newsMs[holders[i]!]!) this.sync(holders[i]!)
    }
  }

  startStep(backend: number): void {
    const { state } = this
    const batch = state.batches[backend]!
    this.measure(backend)
    const hasJoined = batch.guests > 0 && this.joinArrived(backend)
    const hasPreempted = this.growForOneStep(backend)
    beginPlan(state, backend)
    const hasStalled = batch.chunked !== NONE && this.continueChunked(backend)
    batch.isBlocked = 0
    if (!hasPreempted && !hasStalled) this.admitWaiting(backend)
    this.launch(backend, hasPreempted || hasStalled || hasJoined)
  }

  /** Starts the step that is planned, and those after it unless it is alone. */
  protected launch(backend: number, isAlone: boolean): void {
    const { state } = this
    const batch = state.batches[backend]!
    if (batch.prefillRequests + batch.decodeRequests === 0) {
      state.endMs[backend] = IDLE
      announceNone(state, backend)
      return
    }
    const { segment } = this
    this.specs[backend]!.latency.segment(shapeOfPlan(state, backend, this.shape), segment)
    batch.startMs = state.time[0]!
    batch.baseMs = segment.baseMs
    batch.slopeMs = segment.slopeMs
    let steps =
      isAlone || this.context.recorder.stepCompleted !== undefined
        ? 1
        : stepsTogether(state, backend, segment)
    if (this.isWatched(backend) && changesMatches(state, backend, steps)) steps = 1
    batch.steps = steps
    setEnd(state, backend, steps)
    announceNews(state, backend)
    batch.lastSyncMs = Number.NaN
    checkLatency(state, backend, this.specs[backend]!.latency, this.shape)
  }

  /** Whether every change of what prompts find in the KV cache counts. */
  protected isWatched(_backend: number): boolean {
    return this.context.tellsKvEvents
  }

  shapeOf(backend: number, out: StepShape): void {
    shapeOfPlan(this.state, backend, out)
  }

  prolong(backend: number, endMs: number): void {
    const batch = this.state.batches[backend]!
    batch.baseMs = endMs - batch.startMs
    this.state.endMs[backend] = endMs
  }

  completeStep(backend: number): void {
    const { state } = this
    const batch = state.batches[backend]!
    const k = batch.steps
    this.bookSteps(backend)
    this.recordGaps(backend)
    if (batch.decodes > 0) {
      advanceDecodes(state, backend, k)
      this.finishDecodes(backend)
    }
    if (batch.prefills > 0) this.finishPrefills(backend)
  }

  /** Accounts for the steps that are over, and for their blocks. */
  protected bookSteps(backend: number): void {
    const { state } = this
    const { batches } = state
    const { recorder } = this.context
    const batch = batches[backend]!
    const k = batch.steps
    this.measure(backend)
    this.meters.addStretch(state, backend, k)
    if (recorder.stepCompleted !== undefined) {
      const shape = shapeOfPlan(this.state, backend, this.shape)
      const startMs = batch.startMs
      recorder.stepCompleted(backend, startMs, this.clock.nowMs - startMs, shape)
    }
    allocateSteps(state, backend, k)
    state.endMs[backend] = IDLE
    announceNone(state, backend)
  }

  /** One gap per measured decode and step; the first of a resumed request is longer than its step. */
  protected recordGaps(backend: number): void {
    const { state, gaps } = this
    const batch = state.batches[backend]!
    let measured = batch.measured
    if (batch.guests > 0) measured -= this.recordResumed(backend)
    if (measured === 0) return
    const at = gaps.next()
    gaps.data[at] = batch.baseMs
    gaps.data[at + 1] = batch.slopeMs
    gaps.data[at + 2] = batch.steps
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
    // (Its length set to 0 would give its memory back, for the next to ask for it again.)
    while (resumed.length > 0) resumed.pop()
    this.state.batches[backend]!.guests = this.arrived[backend]!.length
    return measured
  }

  /** Commits the blocks of answers that later prompts repeat, of requests admitted before the given one. */
  private commitShared(backend: number, admission: number): void {
    const { state } = this
    if (state.batches[backend]!.sharing === 0) return
    for (const request of state.sharing[backend]!) {
      if (state.admission[request]! >= admission) continue
      this.kv.commit(backend, request, tokensComputed(state, backend, request))
    }
  }

  private finishDecodes(backend: number): void {
    const { state, context } = this
    for (;;) {
      const request = leaveFinished(state, backend)
      // Who is told of an end sees what those before it have computed, and not those after it.
      this.commitShared(backend, request < 0 ? MOST_INT : state.admission[request]!)
      if (request < 0) return
      context.progress.emittedTokens[request] = context.requests.outputTokens[request]!
      this.leaveKv(backend, request, false)
      this.left(backend, request)
      context.listener.requestFinished(request, backend)
    }
  }

  protected finishPrefills(backend: number): void {
    const { state } = this
    const { batches } = state
    const { progress } = this.context
    const batch = batches[backend]!
    const count = batch.prefills
    batch.prefills = 0
    for (let i = 0; i < count; i++) {
      const request = prefillAt(state, backend, i)
      const computed =
        progress.computedTokens[request]! + prefillTokensAt(state, backend, i) * batch.steps
      progress.computedTokens[request] = computed
      this.kv.commit(backend, request, computed)
      if (computed === this.knownTokens(request)) this.finishPrefill(backend, request)
    }
  }

  protected finishPrefill(backend: number, request: number): void {
    const { state } = this
    const { batches } = state
    const { progress, requests, listener, loads } = this.context
    const outputTokens = requests.outputTokens[request]!
    const batch = batches[backend]!
    if (batch.chunked === request) batch.chunked = NONE
    if (progress.emittedTokens[request] === 0) {
      loads.pendingPromptTokens[backend] =
        loads.pendingPromptTokens[backend]! - requests.promptTokens[request]!
    }
    if (outputTokens > 0) this.emitAfterPrefill(backend, request)
    if (progress.emittedTokens[request] === outputTokens) {
      this.kv.release(backend, request)
      this.left(backend, request)
      listener.requestFinished(request, backend)
    } else if (progress.backend[request] !== backend) {
      this.left(backend, request)
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
}
