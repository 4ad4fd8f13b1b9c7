import { reservedShare, reservedTokens } from '../engine-policies.js'
import type { FleetContext } from '../fleet.js'
import { tokensComputed } from './decode-batches.js'
import { requestAt } from './finish-heap.js'
import type { FleetState } from './fleet-state.js'
import { prefillAt, prefillTokensAt } from './step-plans.js'

/** KV blocks set aside for what running requests will still answer: O(batch) for each admission. */
export class Reservations {
  private readonly state: FleetState
  private readonly backendOf: Int32Array
  private readonly heldTokens: Int32Array
  private readonly share: Float64Array
  /** Per backend: blocks set aside for requests whose KV cache is on its way, or that have loaded theirs. */
  private readonly ofFetching: Int32Array

  constructor({ specs, progress }: FleetContext, state: FleetState) {
    this.state = state
    this.backendOf = progress.backend
    this.heldTokens = progress.heldTokens
    this.share = Float64Array.from(specs, reservedShare)
    this.ofFetching = new Int32Array(specs.length)
  }

  /**
   * Whether blocks last for a request and what is set aside for all.
   * @param tokens - of the request whose blocks it gets at once
   * @param ahead - tokens for which each decode has blocks beyond those it has computed, 0 or 1
   */
  areThere(
    backend: number,
    request: number,
    cached: number,
    tokens: number,
    ahead: number,
  ): boolean {
    if (this.share[backend] === 0) return true
    const target = Math.max(tokens, this.target(backend, request))
    const others = this.ofRunning(backend, ahead)
    return this.state.kv.couldAdmit(backend, request, cached, target, others)
  }

  /** The KV cache of an admitted request is on its way; it holds blocks for `tokens` tokens. */
  fetching(backend: number, request: number, tokens: number): void {
    const blocks = this.lacking(backend, request, tokens)
    this.ofFetching[backend] = this.ofFetching[backend]! + blocks
  }

  /** It is there, and the request in the batch. */
  fetched(backend: number, request: number, tokens: number): void {
    const blocks = this.lacking(backend, request, tokens)
    this.ofFetching[backend] = this.ofFetching[backend]! - blocks
  }

  /** Nothing is on its way to a backend any more. */
  clear(backend: number): void {
    this.ofFetching[backend] = 0
  }

  private ofRunning(backend: number, ahead: number): number {
    const { state } = this
    const { batches, heap, computedTokens } = state
    const batch = batches[backend]!
    const first = batch.firstPlace
    let blocks = this.ofFetching[backend]!
    for (let i = 0; i < batch.decodes; i++) {
      const request = requestAt(heap, first, i)
      blocks += this.lacking(backend, request, tokensComputed(state, backend, request) + ahead)
    }
    for (let i = 0; i < batch.prefills; i++) {
      const request = prefillAt(state, backend, i)
      const tokens = computedTokens[request]! + prefillTokensAt(state, backend, i)
      const held = Math.max(tokens, this.heldTokens[request] ?? 0)
      blocks += this.lacking(backend, request, held)
    }
    return blocks
  }

  /** Blocks that a request with blocks for so many tokens has yet to get of those set aside for it. */
  private lacking(backend: number, request: number, tokens: number): number {
    const blockTokens = this.state.batches[backend]!.blockTokens
    const target = Math.ceil(this.target(backend, request) / blockTokens)
    return Math.max(0, target - Math.ceil(tokens / blockTokens))
  }

  /** Prefill backends need no room for answers. */
  private target(backend: number, request: number): number {
    const { requests, promptTokens } = this.state
    return this.backendOf[request] === backend
      ? reservedTokens(requests, request, this.share[backend]!)
      : promptTokens[request]!
  }
}
