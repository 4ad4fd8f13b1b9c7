import type { BackendSpec } from '../../engine/simulation-options.js'
import type { BulkKvCache } from '../../kv-cache/kv-cache.js'
import { preemptsNewest } from '../engine-policies.js'
import type { FleetContext } from '../fleet.js'
import {
  blocksNeeded,
  inOrderOfAdmission,
  leaveAt,
  leaveNewest,
  tokensComputed,
} from './decode-batches.js'
import { FastFleet } from './fast-fleet.js'
import { admissionAt, requestAt } from './finish-heap.js'
import { beginPlan, beginPromptPlan, planPrefill } from './step-plans.js'
import { beginBlocks } from './stretch-blocks.js'

const NONE = -1

/** Who loses KV blocks when a step needs more than there are, where that is not simply the newest. */
export abstract class PreemptingFleet extends FastFleet {
  /** Per backend: 1 when prompts come first; all are evicted; the shortest is; the largest rank is. */
  protected readonly promptsFirst: Uint8Array
  protected readonly evictsAll: Uint8Array
  private readonly retractsShortest: Uint8Array
  private readonly preemptsByRank: Uint8Array
  protected readonly swapMsPerToken: Float64Array
  /** Per backend: time for KV on its way to host memory and back, and for adapters, which the next step waits for. */
  protected readonly swapMs: Float64Array

  constructor(context: FleetContext, kv: BulkKvCache) {
    super(context, kv)
    const { specs } = context
    const flags = (is: (spec: BackendSpec, backend: number) => boolean): Uint8Array =>
      Uint8Array.from(specs, (spec, backend) => (is(spec, backend) ? 1 : 0))
    this.promptsFirst = flags(({ batching }) => batching === 'prefill_first')
    this.evictsAll = flags(({ preemption }) => preemption === 'evict_all')
    this.retractsShortest = flags(({ preemption }) => preemption === 'retract_shortest')
    this.preemptsByRank = flags(
      (spec, backend) => preemptsNewest(spec) && this.queues.preemptsByRank(backend),
    )
    this.swapMsPerToken = Float64Array.from(specs, ({ preemption, swapMsPerToken = 0 }) =>
      preemption === 'swap' ? swapMsPerToken : 0,
    )
    this.swapMs = new Float64Array(specs.length)
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
    if (this.preemptsByRank[backend] === 1) return this.growByRank(backend)
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
  protected blocksOfChunk(backend: number): number {
    const { batches, computedTokens } = this.state
    const batch = batches[backend]!
    const request = batch.chunked
    if (request === NONE) return 0
    const blockTokens = batch.blockTokens
    const decodes = this.promptsFirst[backend] === 1 ? 0 : batch.decodes
    const computed = computedTokens[request]!
    const rest = this.knownTokens(request) - computed
    const tokens = Math.min(rest, batch.maxBatchTokens - decodes)
    const held = Math.max(computed, this.context.progress.heldTokens[request] ?? 0)
    return (
      Math.ceil(Math.max(computed + tokens, held) / blockTokens) - Math.ceil(held / blockTokens)
    )
  }

  /** Puts all running requests back to the queue, the oldest to its front. */
  protected evictAll(backend: number): void {
    const batch = this.state.batches[backend]!
    if (batch.chunked !== NONE) this.preemptChunked(backend)
    while (batch.decodes > 0) this.preemptDecode(backend, leaveNewest(this.state, backend))
  }

  /** Puts the request with the fewest output tokens back to the queue, as SGLang's `retract_decode`. */
  private retractShortest(backend: number): void {
    const { state, context } = this
    const { batches, heap, emittedTokens, promptTokens, admission } = state
    const batch = batches[backend]!
    const first = batch.firstPlace
    const chunked = batch.chunked
    let victim = NONE
    let fewest = Number.POSITIVE_INFINITY
    let longest = 0
    let newest = 0
    if (chunked !== NONE) {
      fewest = emittedTokens[chunked]!
      longest = promptTokens[chunked]!
      newest = context.progress.admission[chunked]!
    }
    for (let i = 0; i < batch.decodes; i++) {
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

  protected override preemptDecode(backend: number, request: number): number {
    this.swapOut(backend, request, tokensComputed(this.state, backend, request))
    return super.preemptDecode(backend, request)
  }

  protected override preemptChunked(backend: number): number {
    const request = this.state.batches[backend]!.chunked
    this.swapOut(backend, request, this.state.computedTokens[request]!)
    return super.preemptChunked(backend)
  }

  private swapOut(backend: number, request: number, tokens: number): void {
    if (this.specs[backend]!.preemption !== 'swap') return
    this.context.progress.swappedTokens[request] = tokens
    this.swapMs[backend] = this.swapMs[backend]! + tokens * this.swapMsPerToken[backend]!
  }

  /** The same request by request, as those who lose their blocks may have taken one for this step. */
  private growByRank(backend: number): boolean {
    const { state, kv } = this
    const batch = state.batches[backend]!
    const needed = blocksNeeded(state, backend, 1)
    if (needed <= kv.available(backend)) return super.growForOneStep(backend)
    const blockTokens = batch.blockTokens
    const order = inOrderOfAdmission(state, backend)
    const left = new Set(order)
    const grown = new Set<number>()
    beginBlocks(state, backend, 1, 0)
    for (const request of order) {
      if (!left.has(request) || tokensComputed(state, backend, request) % blockTokens !== 0)
        continue
      while (left.has(request) && kv.available(backend) === 0) {
        left.delete(this.preemptLast(backend, (other) => grown.has(other)))
      }
      if (!left.has(request)) continue
      kv.take(backend, 1)
      grown.add(request)
    }
    beginBlocks(state, backend, 1, blocksNeeded(state, backend, 1))
    return true
  }

  protected override continueChunked(backend: number): boolean {
    if (this.preemptsByRank[backend] === 0) return super.continueChunked(backend)
    const { state } = this
    const batch = state.batches[backend]!
    const request = batch.chunked
    const computed = state.computedTokens[request]!
    const tokens = Math.min(this.knownTokens(request) - computed, batch.budget)
    if (tokens === 0) return false
    // Decodes that pause take none.
    const hasGrown = this.promptsFirst[backend] === 0
    const blockTokens = batch.blockTokens
    let hasLost = false
    while (!this.kv.extend(backend, request, computed + tokens)) {
      const victim = this.preemptLast(
        backend,
        (other) => hasGrown && tokensComputed(state, backend, other) % blockTokens === 0,
      )
      if (victim === request) {
        if (hasLost) this.replan(backend)
        return true
      }
      hasLost = true
    }
    if (hasLost) this.replan(backend)
    planPrefill(state, backend, request, computed, tokens)
    return hasLost
  }

  /** Begins the step again with those decodes that are left. */
  private replan(backend: number): void {
    const { state } = this
    if (this.promptsFirst[backend] === 1) {
      beginPromptPlan(state, backend)
      beginBlocks(state, backend, 1, 0)
      return
    }
    beginPlan(state, backend)
    beginBlocks(state, backend, 1, blocksNeeded(state, backend, 1))
  }

  /**
   * Puts the running request with the largest rank back to the queue.
   * @param hasGrown - whether a decode has taken a block for this step
   * @returns that request
   */
  private preemptLast(backend: number, hasGrown: (request: number) => boolean): number {
    const { state } = this
    const { batches, heap } = state
    const batch = batches[backend]!
    const first = batch.firstPlace
    let last = NONE
    let at = NONE
    for (let i = -1; i < batch.decodes; i++) {
      const request = i < 0 ? batch.chunked : requestAt(heap, first, i)
      if (request === NONE) continue
      if (last !== NONE && !this.isAfter(backend, request, last)) continue
      last = request
      at = i
    }
    if (at < 0) return this.preemptChunked(backend)
    if (hasGrown(last)) this.kv.giveBack(backend, 1)
    return this.preemptDecode(backend, leaveAt(state, backend, at))
  }

  /** By rank, then by arrival, then by admission. */
  private isAfter(backend: number, a: number, b: number): boolean {
    const { queues } = this
    const { arrivalMs } = this.context.requests
    const { admission } = this.context.progress
    const difference =
      queues.rankOf(backend, a) - queues.rankOf(backend, b) || arrivalMs[a]! - arrivalMs[b]!
    return difference > 0 || (difference === 0 && admission[a]! > admission[b]!)
  }
}
