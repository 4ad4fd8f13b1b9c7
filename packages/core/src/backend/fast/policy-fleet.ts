import type { BackendSpec } from '../../engine/simulation-options.js'
import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import { hasAdapters } from '../adapter-slots.js'
import { isLockstep, reservedShare } from '../engine-policies.js'
import type { FleetContext } from '../fleet.js'
import { hasTiers } from '../kv-loads.js'
import { isPolling, Mailboxes } from '../mailboxes.js'
import { hasLocalPolicy } from '../queues/ordered-queues.js'
import { LoadingFleet } from './loading-fleet.js'
import { PausedDecodes } from './paused-decodes.js'
import { beginPlan, beginPromptPlan } from './step-plans.js'
import { beginBlocks } from './stretch-blocks.js'
import { setEnd } from './stretches.js'

const NONE = -1

/** Whether a backend does anything that `FastFleet` alone does not. */
export function hasPolicies(spec: BackendSpec): boolean {
  return hasLocalPolicy(spec) || hasEnginePolicies(spec)
}

/** The same, the order of its queue aside. */
export function hasEnginePolicies(spec: BackendSpec): boolean {
  const { batching = 'mixed', preemption = 'recompute_newest' } = spec
  return (
    isLockstep(spec) ||
    hasTiers(spec) ||
    hasAdapters(spec) ||
    isPolling(spec) ||
    batching !== 'mixed' ||
    preemption !== 'recompute_newest' ||
    reservedShare(spec) > 0
  )
}

/**
 * The fast stepper for engines that batch, preempt or admit in other ways than vLLM V1: a class of its
 * own, so that runs without such engines do not pay for them. A step that puts requests back to the queue,
 * moves KV to or from host memory, or lets paused decodes go on is simulated alone; all others are part
 * of stretches.
 */
export class PolicyFleet extends LoadingFleet {
  /** Per backend: 1 when it has policies. */
  private readonly hasPolicy: Uint8Array
  /** Per backend: 1 when a batch with room is alone, as its order may be another in the next step. */
  private readonly isArranged: Uint8Array
  protected readonly paused: PausedDecodes
  protected readonly mail: Mailboxes

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    const { specs } = context
    this.hasPolicy = Uint8Array.from(specs, (spec) => (hasPolicies(spec) ? 1 : 0))
    this.isArranged = new Uint8Array(specs.length)
    this.paused = new PausedDecodes(this.state, specs.length)
    this.mail = new Mailboxes(specs)
  }

  override startStep(backend: number): void {
    if (this.hasPolicy[backend] === 0) {
      super.startStep(backend)
      return
    }
    const batch = this.state.batches[backend]!
    this.measure(backend)
    if (this.mail.polls(backend)) this.collectMail(backend)
    const hasJoined = batch.guests > 0 && this.joinArrived(backend)
    batch.isBlocked = 0
    this.isArranged[backend] = 0
    const hasLost =
      this.promptsFirst[backend] === 1 ? this.planPromptsFirst(backend) : this.planTogether(backend)
    const swapMs = this.swapMs[backend]!
    const isAlone =
      isLockstep(this.specs[backend]!) ||
      (batch.prefills > 0 && this.mail.polls(backend)) ||
      this.isArranged[backend] === 1 ||
      hasJoined ||
      hasLost ||
      swapMs > 0 ||
      this.isResuming(backend)
    this.launch(backend, isAlone)
    if (swapMs > 0) this.waitForSwap(backend, swapMs)
    else if (this.mail.polls(backend)) this.endAtPoll(backend)
  }

  private collectMail(backend: number): void {
    const isBusy = this.hasDecodes(backend) || this.state.batches[backend]!.chunked !== NONE
    for (const request of this.mail.collect(backend, isBusy)) this.queues.pushBack(backend, request)
  }

  /** The scheduler looks for new requests at the end of the stretch that has begun, at the latest. */
  private endAtPoll(backend: number): void {
    const { state, mail } = this
    const batch = state.batches[backend]!
    const steps = mail.stepsLeft(backend)
    if (state.endMs[backend] === Number.POSITIVE_INFINITY || batch.steps <= steps) return
    batch.steps = steps
    setEnd(state, backend, steps)
  }

  override completeStep(backend: number): void {
    const { paused } = this
    const { steps, prefillRequests } = this.state.batches[backend]!
    this.mail.completed(backend, steps, prefillRequests)
    if (paused.isPaused(backend)) {
      this.bookSteps(backend)
      paused.restore(backend)
      this.finishPrefills(backend)
      return
    }
    if (this.promptsFirst[backend] === 1) {
      const { nowMs } = this.clock
      // Tokens after a pause follow the last ones before it.
      if (paused.hasGap(backend))
        this.state.batches[backend]!.baseMs = nowMs - paused.latestTokenMs(backend)
      paused.tokensCame(backend, nowMs)
    }
    super.completeStep(backend)
  }

  /** Decodes and chunks in one step. @returns whether a request lost its blocks */
  private planTogether(backend: number): boolean {
    const { state } = this
    const hasLost = this.growForOneStep(backend)
    beginPlan(state, backend)
    const hasStalled = state.batches[backend]!.chunked !== NONE && this.continueChunked(backend)
    const mayAdmit = hasLost ? this.evictsAll[backend] === 1 : !hasStalled
    this.admitLoaded(backend)
    if (mayAdmit) this.admitWaiting(backend)
    return hasLost || hasStalled
  }

  /** Chunks if there are any, else decodes. @returns whether a request lost its blocks */
  private planPromptsFirst(backend: number): boolean {
    const { state, kv } = this
    const batch = state.batches[backend]!
    beginPromptPlan(state, backend)
    beginBlocks(state, backend, 1, 0)
    let hasLost = false
    let mayAdmit = true
    if (batch.chunked !== NONE) {
      if (this.evictsAll[backend] === 1) {
        hasLost = this.blocksOfChunk(backend) > kv.available(backend)
        if (hasLost) this.evictAll(backend)
        else this.continueChunked(backend)
      } else {
        hasLost = this.continueChunked(backend)
        mayAdmit = !hasLost
      }
    }
    this.admitLoaded(backend)
    if (mayAdmit) this.admitWaiting(backend)
    if (batch.prefills > 0) {
      this.paused.pause(backend)
      return hasLost
    }
    const hasShrunk = this.growForOneStep(backend)
    beginPlan(state, backend)
    if (batch.decodes === 0) this.admitLoaded(backend)
    if (hasShrunk && this.evictsAll[backend] === 1) this.admitWaiting(backend)
    return hasLost || hasShrunk
  }

  /** Decodes whose next token follows a pause. */
  private isResuming(backend: number): boolean {
    if (this.promptsFirst[backend] === 0 || this.paused.isPaused(backend)) return false
    return this.paused.hasGap(backend) || this.resumed[backend]!.length > 0
  }

  private waitForSwap(backend: number, swapMs: number): void {
    const batch = this.state.batches[backend]!
    if (this.state.endMs[backend] === Number.POSITIVE_INFINITY) return
    this.swapMs[backend] = 0
    batch.baseMs += swapMs
    setEnd(this.state, backend, 1)
  }

  protected override stepsDone(backend: number): number {
    return this.paused.isPaused(backend) ? 0 : super.stepsDone(backend)
  }

  override emitted(backend: number, tell: (request: number, tokens: number) => void): void {
    if (this.paused.isPaused(backend))
      this.tellEmitted(backend, this.paused.decodesOf(backend), 0, tell)
    else super.emitted(backend, tell)
  }

  protected override joinArrived(backend: number): boolean {
    for (const request of this.arrived[backend]!) {
      this.reservations.fetched(backend, request, this.handedOverTokens(request))
    }
    return super.joinArrived(backend)
  }

  override enqueue(backend: number, request: number): void {
    if (this.mail.put(backend, request)) return
    const head = this.queues.peek(backend)
    super.enqueue(backend, request)
    this.maybeUnblock(backend, head)
  }

  override enqueueHandedOver(backend: number, request: number): void {
    const head = this.queues.peek(backend)
    super.enqueueHandedOver(backend, request)
    this.maybeUnblock(backend, head)
  }

  protected override mayRun(backend: number, request: number): boolean {
    const { holdsPrompts, progress } = this.context
    if (holdsPrompts[backend] === 1 && progress.isHandedOver[request] === 0) return false
    return super.mayRun(backend, request)
  }

  /** Somebody else may fit when the head of the queue does not, or it is passed over. */
  private maybeUnblock(backend: number, head: number): void {
    if (this.queues.peek(backend) !== head || this.adapters.has(backend))
      this.state.batches[backend]!.isBlocked = 0
  }

  protected override admitWaiting(backend: number): void {
    const { queues } = this
    if (!this.hasRoom(backend)) return
    queues.arrange(backend)
    super.admitWaiting(backend)
    queues.endRound(backend)
    if (queues.isArranged(backend) && this.hasRoom(backend)) this.isArranged[backend] = 1
  }

  /** Whether the batch has room for somebody who waits. */
  private hasRoom(backend: number): boolean {
    const batch = this.state.batches[backend]!
    return (
      this.queues.peek(backend) !== NONE &&
      batch.budget > 0 &&
      this.running[backend]! < batch.maxBatch
    )
  }

  protected override admit(backend: number, request: number): boolean {
    if (this.hasPolicy[backend] === 0) return super.admit(backend, request)
    const { kv, reservations } = this
    const { batches } = this.state
    const { progress } = this.context
    const batch = batches[backend]!
    const known = this.knownTokens(request)
    const cached = kv.matchOn(backend, request, known - 1)
    const swapped = progress.swappedTokens[request] ?? 0
    const ahead = this.promptsFirst[backend] === 1 ? 0 : 1
    const found = swapped > cached ? 0 : this.loads.find(backend, request, cached, known - 1)
    if (found > 0) return this.load(backend, request, cached, found, ahead)
    const computed = Math.max(cached, swapped)
    let tokens = Math.min(known - computed, batch.budget)
    if (tokens < known - computed && !this.specs[backend]!.chunkedPrefill) {
      if (batches[backend]!.prefillRequests > 0) return false
      tokens = known - computed
    }
    const isThere = reservations.areThere(backend, request, cached, computed + tokens, ahead)
    if (!isThere || !kv.admit(backend, request, cached, computed + tokens)) {
      batch.isBlocked = 1
      return false
    }
    this.enterBatch(backend, request, computed)
    progress.swappedTokens[request] = 0
    this.swapMs[backend] =
      this.swapMs[backend]! + (computed - cached) * this.swapMsPerToken[backend]!
    this.beginPrefill(backend, request, cached, computed, tokens)
    return true
  }

  protected override admitHandedOver(backend: number, request: number): boolean {
    const tokens = this.handedOverTokens(request)
    const cached = this.kv.matchOn(backend, request, tokens)
    const grown = this.promptsFirst[backend] === 1 ? 0 : 1
    if (!this.reservations.areThere(backend, request, cached, tokens, grown)) {
      this.state.batches[backend]!.isBlocked = 1
      return false
    }
    if (!super.admitHandedOver(backend, request)) return false
    this.reservations.fetching(backend, request, tokens)
    return true
  }

  protected override finishPrefill(backend: number, request: number): void {
    const batch = this.state.batches[backend]!
    const decodes = batch.decodes
    super.finishPrefill(backend, request)
    if (this.promptsFirst[backend] === 0 || batch.decodes === decodes) return
    // More prompts may come before its next token does.
    this.resumed[backend]!.push(request)
    batch.guests += 1
  }

  protected override latestTokenMs(backend: number): number {
    return this.promptsFirst[backend] === 1
      ? this.paused.latestTokenMs(backend)
      : super.latestTokenMs(backend)
  }
}
