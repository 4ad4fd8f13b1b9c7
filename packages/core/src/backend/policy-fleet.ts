import type { BackendSpec } from '../engine/simulation-options.js'
import type { BulkKvCache } from '../kv-cache/kv-cache.js'
import { blocksNeeded, leaveAt, leaveNewest, tokensComputed } from './decode-batches.js'
import { isLockstep, reservedShare } from './engine-policies.js'
import { FastFleet } from './fast-fleet.js'
import { admissionAt, requestAt } from './finish-heap.js'
import type { FleetContext } from './fleet.js'
import {
  BASE_MS,
  BLOCK_TOKENS,
  BUDGET,
  CHUNKED,
  DECODES,
  FIRST_PLACE,
  FLOATS,
  GUESTS,
  INTS,
  IS_BLOCKED,
  MAX_BATCH_TOKENS,
  PREFILL_REQUESTS,
  PREFILLS,
} from './fleet-state.js'
import { PausedDecodes } from './paused-decodes.js'
import { Reservations } from './reservations.js'
import { beginPlan, beginPromptPlan, planPrefill } from './step-plans.js'
import { beginBlocks } from './stretch-blocks.js'
import { setEnd } from './stretches.js'

const NONE = -1

/** Whether a backend does anything that {@link FastFleet} alone does not. */
export function hasPolicies(spec: BackendSpec): boolean {
  const { batching = 'mixed', preemption = 'recompute_newest' } = spec
  return (
    isLockstep(spec) ||
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
export class PolicyFleet extends FastFleet {
  /** Per backend: 1 when it has policies; prompts come first; all are evicted; the shortest is; to host. */
  private readonly hasPolicy: Uint8Array
  private readonly promptsFirst: Uint8Array
  private readonly evictsAll: Uint8Array
  private readonly retractsShortest: Uint8Array
  private readonly swapMsPerToken: Float64Array
  /** Per backend: time for KV on its way to host memory and back, which the next step waits for. */
  protected readonly swapMs: Float64Array
  protected readonly paused: PausedDecodes
  protected readonly reservations: Reservations

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    const { specs } = context
    const flags = (is: (spec: BackendSpec) => boolean): Uint8Array =>
      Uint8Array.from(specs, (spec) => (is(spec) ? 1 : 0))
    this.hasPolicy = flags(hasPolicies)
    this.promptsFirst = flags(({ batching }) => batching === 'prefill_first')
    this.evictsAll = flags(({ preemption }) => preemption === 'evict_all')
    this.retractsShortest = flags(({ preemption }) => preemption === 'retract_shortest')
    this.swapMsPerToken = Float64Array.from(specs, ({ preemption, swapMsPerToken = 0 }) =>
      preemption === 'swap' ? swapMsPerToken : 0,
    )
    this.swapMs = new Float64Array(specs.length)
    this.paused = new PausedDecodes(this.state, specs.length)
    this.reservations = new Reservations(context, this.state)
  }

  override startStep(backend: number): void {
    if (this.hasPolicy[backend] === 0) {
      super.startStep(backend)
      return
    }
    const { ints } = this.state
    const n = backend * INTS
    this.measure(backend)
    const hasJoined = ints[n + GUESTS]! > 0 && this.joinArrived(backend)
    ints[n + IS_BLOCKED] = 0
    const hasLost =
      this.promptsFirst[backend] === 1 ? this.planPromptsFirst(backend) : this.planTogether(backend)
    const swapMs = this.swapMs[backend]!
    const isAlone =
      isLockstep(this.specs[backend]!) ||
      hasJoined ||
      hasLost ||
      swapMs > 0 ||
      this.isResuming(backend)
    this.launch(backend, isAlone)
    if (swapMs > 0) this.waitForSwap(backend, swapMs)
  }

  override completeStep(backend: number): void {
    const { paused } = this
    if (paused.isPaused(backend)) {
      this.bookSteps(backend)
      paused.restore(backend)
      this.chunking.remove(backend)
      this.finishPrefills(backend)
      return
    }
    if (this.promptsFirst[backend] === 1) {
      const { nowMs } = this.clock
      // Tokens after a pause follow the last ones before it.
      if (paused.hasGap(backend))
        this.state.floats[backend * FLOATS + BASE_MS] = nowMs - paused.latestTokenMs(backend)
      paused.tokensCame(backend, nowMs)
    }
    super.completeStep(backend)
  }

  /** Decodes and chunks in one step. @returns whether a request lost its blocks */
  private planTogether(backend: number): boolean {
    const { state } = this
    const hasLost = this.growForOneStep(backend)
    beginPlan(state, backend)
    const hasStalled =
      state.ints[backend * INTS + CHUNKED] !== NONE && this.continueChunked(backend)
    const mayAdmit = hasLost ? this.evictsAll[backend] === 1 : !hasStalled
    if (mayAdmit) this.admitWaiting(backend)
    return hasLost || hasStalled
  }

  /** Chunks if there are any, else decodes. @returns whether a request lost its blocks */
  private planPromptsFirst(backend: number): boolean {
    const { state, kv } = this
    const { ints } = state
    const n = backend * INTS
    beginPromptPlan(state, backend)
    beginBlocks(state, backend, 1, 0)
    let hasLost = false
    let mayAdmit = true
    if (ints[n + CHUNKED] !== NONE) {
      if (this.evictsAll[backend] === 1) {
        hasLost = this.blocksOfChunk(backend) > kv.available(backend)
        if (hasLost) this.evictAll(backend)
        else this.continueChunked(backend)
      } else {
        hasLost = this.continueChunked(backend)
        mayAdmit = !hasLost
      }
    }
    if (mayAdmit) this.admitWaiting(backend)
    if (ints[n + PREFILLS]! > 0) {
      this.paused.pause(backend)
      return hasLost
    }
    const hasShrunk = this.growForOneStep(backend)
    beginPlan(state, backend)
    if (hasShrunk && this.evictsAll[backend] === 1) this.admitWaiting(backend)
    return hasLost || hasShrunk
  }

  /** Decodes whose next token follows a pause. */
  private isResuming(backend: number): boolean {
    if (this.promptsFirst[backend] === 0 || this.paused.isPaused(backend)) return false
    return this.paused.hasGap(backend) || this.resumed[backend]!.length > 0
  }

  private waitForSwap(backend: number, swapMs: number): void {
    const { floats } = this.state
    const x = backend * FLOATS
    if (this.state.endMs[backend] === Number.POSITIVE_INFINITY) return
    this.swapMs[backend] = 0
    floats[x + BASE_MS] = floats[x + BASE_MS]! + swapMs
    setEnd(this.state, backend, 1)
  }

  protected override joinArrived(backend: number): boolean {
    for (const request of this.arrived[backend]!) this.reservations.fetched(backend, request)
    return super.joinArrived(backend)
  }

  protected override growForOneStep(backend: number): boolean {
    const { kv, state } = this
    if (this.evictsAll[backend] === 1) {
      const needed = blocksNeeded(state, backend, 1) + this.blocksOfChunk(backend)
      if (needed > kv.available(backend)) {
        this.evictAll(backend)
        beginBlocks(state, backend, 1, 0)
        return true
      }
    }
    if (this.retractsShortest[backend] === 0) return super.growForOneStep(backend)
    let hasLost = false
    while (blocksNeeded(state, backend, 1) > kv.available(backend)) {
      this.retractShortest(backend)
      hasLost = true
    }
    super.growForOneStep(backend)
    return hasLost
  }

  /** Blocks that the next chunk of a prompt needs, next to the decodes if they share steps. */
  private blocksOfChunk(backend: number): number {
    const { ints, computedTokens } = this.state
    const n = backend * INTS
    const request = ints[n + CHUNKED]!
    if (request === NONE) return 0
    const blockTokens = ints[n + BLOCK_TOKENS]!
    const decodes = this.promptsFirst[backend] === 1 ? 0 : ints[n + DECODES]!
    const computed = computedTokens[request]!
    const rest = this.knownTokens(request) - computed
    const tokens = Math.min(rest, ints[n + MAX_BATCH_TOKENS]! - decodes)
    return Math.ceil((computed + tokens) / blockTokens) - Math.ceil(computed / blockTokens)
  }

  /** Puts all running requests back to the queue, the oldest to its front. */
  private evictAll(backend: number): void {
    const { ints } = this.state
    const n = backend * INTS
    if (ints[n + CHUNKED] !== NONE) this.preemptChunked(backend)
    while (ints[n + DECODES]! > 0) this.preemptDecode(backend, leaveNewest(this.state, backend))
  }

  /** Puts the request with the fewest output tokens back to the queue, as SGLang's `retract_decode`. */
  private retractShortest(backend: number): void {
    const { state, context } = this
    const { ints, heap, emittedTokens, promptTokens, admission } = state
    const n = backend * INTS
    const first = ints[n + FIRST_PLACE]!
    const chunked = ints[n + CHUNKED]!
    let victim = NONE
    let fewest = Number.POSITIVE_INFINITY
    let longest = 0
    let newest = 0
    if (chunked !== NONE) {
      fewest = emittedTokens[chunked]!
      longest = promptTokens[chunked]!
      newest = context.progress.admission[chunked]!
    }
    for (let i = 0; i < ints[n + DECODES]!; i++) {
      const request = requestAt(heap, first, i)
      const prompt = promptTokens[request]!
      const emitted = tokensComputed(state, backend, request) + 1 - prompt
      const isNext =
        emitted !== fewest
          ? emitted < fewest
          : prompt !== longest
            ? prompt > longest
            : admissionAt(heap, first, i) > newest
      if (!isNext) continue
      victim = i
      fewest = emitted
      longest = prompt
      newest = admission[request]!
    }
    if (victim === NONE) this.preemptChunked(backend)
    else this.preemptDecode(backend, leaveAt(state, backend, victim))
  }

  protected override admit(backend: number, request: number): boolean {
    if (this.hasPolicy[backend] === 0) return super.admit(backend, request)
    const { state, kv, reservations } = this
    const { ints, floats } = state
    const { progress } = this.context
    const n = backend * INTS
    const known = this.knownTokens(request)
    const cached = kv.matchOn(backend, request, known - 1)
    const computed = Math.max(cached, progress.swappedTokens[request] ?? 0)
    let tokens = Math.min(known - computed, ints[n + BUDGET]!)
    if (tokens < known - computed && !this.specs[backend]!.chunkedPrefill) {
      if (floats[backend * FLOATS + PREFILL_REQUESTS]! > 0) return false
      tokens = known - computed
    }
    const isThere = reservations.areThere(
      backend,
      request,
      cached,
      computed + tokens,
      this.promptsFirst[backend] === 1 ? 0 : 1,
    )
    if (!isThere || !kv.admit(backend, request, cached, computed + tokens)) {
      ints[n + IS_BLOCKED] = 1
      return false
    }
    this.enterBatch(backend, request, computed)
    progress.swappedTokens[request] = 0
    this.swapMs[backend] =
      this.swapMs[backend]! + (computed - cached) * this.swapMsPerToken[backend]!
    if (Number.isNaN(progress.admittedMs[request]!)) {
      progress.admittedMs[request] = this.clock.nowMs
      progress.cachedTokens[request] = cached
    }
    if (computed + tokens < known) ints[n + CHUNKED] = request
    planPrefill(state, backend, request, computed, tokens)
    return true
  }

  protected override admitHandedOver(backend: number, request: number): boolean {
    const promptTokens = this.state.promptTokens[request]!
    const cached = this.kv.matchOn(backend, request, promptTokens)
    const grown = this.promptsFirst[backend] === 1 ? 0 : 1
    if (!this.reservations.areThere(backend, request, cached, promptTokens, grown)) {
      this.state.ints[backend * INTS + IS_BLOCKED] = 1
      return false
    }
    if (!super.admitHandedOver(backend, request)) return false
    this.reservations.fetching(backend, request)
    return true
  }

  protected override finishPrefill(backend: number, request: number): void {
    const { ints } = this.state
    const n = backend * INTS
    const decodes = ints[n + DECODES]!
    super.finishPrefill(backend, request)
    if (this.promptsFirst[backend] === 0 || ints[n + DECODES] === decodes) return
    // More prompts may come before its next token does.
    this.resumed[backend]!.push(request)
    ints[n + GUESTS] = ints[n + GUESTS]! + 1
  }

  protected override preemptDecode(backend: number, request: number): number {
    this.swapOut(backend, request, tokensComputed(this.state, backend, request))
    return super.preemptDecode(backend, request)
  }

  protected override preemptChunked(backend: number): number {
    const request = this.state.ints[backend * INTS + CHUNKED]!
    this.swapOut(backend, request, this.state.computedTokens[request]!)
    return super.preemptChunked(backend)
  }

  private swapOut(backend: number, request: number, tokens: number): void {
    if (this.specs[backend]!.preemption !== 'swap') return
    this.context.progress.swappedTokens[request] = tokens
    this.swapMs[backend] = this.swapMs[backend]! + tokens * this.swapMsPerToken[backend]!
  }

  protected override latestTokenMs(backend: number): number {
    return this.promptsFirst[backend] === 1
      ? this.paused.latestTokenMs(backend)
      : super.latestTokenMs(backend)
  }
}
