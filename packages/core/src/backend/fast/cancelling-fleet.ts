import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import type { FallibleFleet, FleetContext } from '../fleet.js'
import { advanceDecodes, leaveAt, leaveNewest, tokensComputed } from './decode-batches.js'
import { requestAt } from './finish-heap.js'

import { PolicyFleet } from './policy-fleet.js'
import { announceNone } from './stretch-blocks.js'
import { stepsOver, stepUnderWay } from './stretches.js'

const NONE = -1
const IDLE = Number.POSITIVE_INFINITY

/** The fast stepper for runs in which backends fail, slow down, or requests are called off. */
export class CancellingFleet extends PolicyFleet implements FallibleFleet {
  /** Per backend: running requests that are called off and leave when the step under way is over. */
  private readonly cancelled: readonly number[][]
  /** Requests of these, or taken out right now, that keep their KV blocks if they decode. */
  private readonly detached = new Set<number>()

  /** Where it went may fail. */
  protected override readonly mayComeBack: boolean = true

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    this.cancelled = context.specs.map(() => [])
  }

  cut(backend: number): void {
    const { state } = this
    if (state.endMs[backend] === IDLE || state.batches[backend]!.steps === 1) return
    this.endWithPresentStep(backend)
  }

  detach(backend: number, request: number): boolean {
    this.detached.add(request)
    return this.remove(backend, request)
  }

  cancel(backend: number, request: number): boolean {
    this.detached.delete(request)
    return this.remove(backend, request)
  }

  private remove(backend: number, request: number): boolean {
    this.measure(backend)
    this.state.batches[backend]!.isBlocked = 0
    if (this.isRunning(backend, request)) {
      if (this.context.progress.isTransferring[request] === 0) {
        this.endIfStepIsOver(backend)
        if (this.state.endMs[backend] !== IDLE) {
          this.cancelled[backend]!.push(request)
          this.cut(backend)
          return false
        }
      }
      this.takeOut(backend, request)
      return true
    }
    // From the queue, from the front end, or from those that load.
    this.detached.delete(request)
    if (!this.stopLoading(backend, request) && !this.mail.remove(backend, request))
      this.queues.remove(backend, request)
    this.waiting[backend] = this.waiting[backend]! - 1
    this.outstanding[backend] = this.outstanding[backend]! - 1
    this.adapters.stopWaiting(backend, request)
    this.forgetPrompt(backend, request)
    return true
  }

  /** A step within a stretch that ends in this instant has ended, as it would have on its own. */
  private endIfStepIsOver(backend: number): void {
    const { state } = this
    if (state.endMs[backend] === IDLE) return
    const underWay = stepUnderWay(state, backend)
    if (stepsOver(state, backend, underWay) < underWay) return
    this.endWithPresentStep(backend)
    this.completeStep(backend)
  }

  override completeStep(backend: number): void {
    super.completeStep(backend)
    const cancelled = this.cancelled[backend]!
    if (cancelled.length === 0) return
    for (const request of cancelled.splice(0)) {
      if (!this.isRunning(backend, request)) {
        this.detached.delete(request)
        continue
      }
      this.takeOut(backend, request)
      this.context.listener.requestCancelled(request)
    }
  }

  fail(backend: number): void {
    const { state, paused } = this
    const batch = state.batches[backend]!
    this.measure(backend)
    if (state.endMs[backend] !== IDLE) this.breakOff(backend)
    paused.forget(backend)
    while (batch.decodes > 0) {
      const request = leaveNewest(state, backend)
      this.noteEmitted(backend, request)
    }
    batch.chunked = NONE
    batch.prefills = 0
    batch.guests = 0
    batch.isBlocked = 0
    this.arrived[backend]!.length = 0
    this.resumed[backend]!.length = 0
    for (const request of this.cancelled[backend]!.splice(0)) this.detached.delete(request)
    this.swapMs[backend] = 0
    this.reservations.clear(backend)
    this.queues.clear(backend)
    this.mail.clear(backend)
    this.loads.clear(backend)
    this.adapters.clear(backend)
    this.waiting[backend] = 0
    this.running[backend] = 0
    this.outstanding[backend] = 0
    this.context.loads.pendingPromptTokens[backend] = 0
  }

  /** Books the steps that are over of the stretch under way, and the time of the one that is not. */
  private breakOff(backend: number): void {
    const { state, paused } = this
    this.sync(backend)
    const over = stepsOver(state, backend, stepUnderWay(state, backend))
    this.meters.addStretch(state, backend, over)
    if (paused.isPaused(backend)) paused.restore(backend)
    else if (over > 0) {
      state.batches[backend]!.steps = over
      this.recordGaps(backend)
      advanceDecodes(state, backend, over)
    }
    state.endMs[backend] = IDLE
    announceNone(state, backend)
  }

  private isRunning(backend: number, request: number): boolean {
    return (
      this.state.batches[backend]!.chunked === request ||
      this.placeOfDecode(backend, request) >= 0 ||
      this.context.progress.isTransferring[request] === 1 ||
      this.arrived[backend]!.includes(request) ||
      this.isInStep(backend, request)
    )
  }

  /** Whether the step under way computes its prompt. */
  private isInStep(backend: number, request: number): boolean {
    const { batches, prefills } = this.state
    const batch = batches[backend]!
    const first = batch.firstPlace
    return prefills.subarray(first, first + batch.prefills).includes(request)
  }

  private placeOfDecode(backend: number, request: number): number {
    const { batches, heap } = this.state
    const batch = batches[backend]!
    const count = this.paused.isPaused(backend) ? this.paused.decodesOf(backend) : batch.decodes
    for (let i = 0; i < count; i++) {
      if (requestAt(heap, batch.firstPlace, i) === request) return i
    }
    return NONE
  }

  /** Takes a running request out that is part of no step under way. */
  private takeOut(backend: number, request: number): void {
    const { state, kv, context } = this
    const batch = state.batches[backend]!
    this.measure(backend)
    const place = this.placeOfDecode(backend, request)
    if (place >= 0) {
      leaveAt(state, backend, place)
      const latestMs = this.latestTokenMs(backend)
      if (this.noteEmitted(backend, request)) context.progress.lastTokenMs[request] = latestMs
      this.forgetResumed(backend, request)
      if (this.detached.delete(request)) this.keepKv(backend, request)
      else this.leaveKv(backend, request, true)
    } else {
      if (batch.chunked === request) batch.chunked = NONE
      const arrived = this.arrived[backend]!
      const at = arrived.indexOf(request)
      if (at >= 0) arrived.splice(at, 1)
      if (at >= 0 || context.progress.isTransferring[request] === 1) {
        context.progress.isTransferring[request] = 0
        this.reservations.fetched(backend, request, this.handedOverTokens(request))
      }
      this.sync(backend)
      if (this.detached.delete(request) && at >= 0) context.progress.isHandedOver[request] = 1
      else kv.release(backend, request, true)
    }
    this.forgetPrompt(backend, request)
    this.left(backend, request)
  }

  /** A request that has just left the decodes goes on holding its blocks. */
  private keepKv(backend: number, request: number): void {
    const { progress } = this.context
    const computed = tokensComputed(this.state, backend, request)
    this.kv.keep(backend, request, computed)
    progress.computedTokens[request] = computed
    progress.isHandedOver[request] = 1
  }

  /** Output tokens of a request that has just left the decodes. @returns whether there are new ones */
  private noteEmitted(backend: number, request: number): boolean {
    const { progress, requests } = this.context
    const computed = tokensComputed(this.state, backend, request)
    const emitted = computed + 1 - requests.promptTokens[request]!
    if (emitted <= progress.emittedTokens[request]!) return false
    progress.emittedTokens[request] = emitted
    return true
  }

  /** A prompt whose first token will not come is pending no longer. */
  private forgetPrompt(backend: number, request: number): void {
    const { loads, progress, requests } = this.context
    if (progress.emittedTokens[request]! > 0 || progress.prefillBackend[request] !== backend) return
    loads.pendingPromptTokens[backend] =
      loads.pendingPromptTokens[backend]! - requests.promptTokens[request]!
  }
}
