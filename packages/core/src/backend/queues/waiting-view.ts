import type { BackendSpec } from '../../engine/simulation-options.js'
import type { StepShape } from '../../latency/latency-model.js'
import type { FleetContext } from '../fleet.js'
import type { WaitingRequest, WaitingRequests } from './local-policy.js'
import { WaitingCursor } from './waiting-cursor.js'

/** What the local policy of one backend sees of its queue. */
export class WaitingView implements WaitingRequests {
  private readonly backend: number
  private readonly spec: BackendSpec
  private readonly context: FleetContext
  private readonly cursor: WaitingCursor
  private rows: readonly number[] = []

  constructor(backend: number, context: FleetContext) {
    this.backend = backend
    this.spec = context.specs[backend]!
    this.context = context
    this.cursor = new WaitingCursor(context.requests)
  }

  /** Shows these requests from now on. */
  show(rows: readonly number[]): void {
    this.rows = rows
  }

  get nowMs(): number {
    return this.context.clock.nowMs
  }

  get size(): number {
    return this.rows.length
  }

  at(i: number): WaitingRequest {
    return this.cursor.at(this.rows[i]!)
  }

  cachedTokens(i: number): number {
    const request = this.rows[i]!
    return this.context.kv.matchOn(this.backend, request, this.knownTokens(request) - 1)
  }

  prefillMs(i: number): number {
    const request = this.rows[i]!
    // Computed elsewhere.
    if (this.context.progress.isHandedOver[request] === 1) return 0
    const { latency, maxBatchTokens, chunkedPrefill } = this.spec
    const known = this.knownTokens(request)
    const most = chunkedPrefill ? maxBatchTokens : known
    let durationMs = 0
    for (let computed = this.cachedTokens(i); computed < known; ) {
      const tokens = Math.min(known - computed, most)
      durationMs += latency.stepMs(shapeOfChunk(computed, tokens))
      computed += tokens
    }
    return durationMs
  }

  private knownTokens(request: number): number {
    const { requests, progress } = this.context
    return requests.promptTokens[request]! + progress.emittedTokens[request]!
  }
}

function shapeOfChunk(computed: number, tokens: number): StepShape {
  return {
    prefillTokens: tokens,
    prefillRequests: 1,
    prefillAttentionPairs: tokens * computed + (tokens * (tokens + 1)) / 2,
    decodeRequests: 0,
    decodeContextTokens: 0,
    decodeSharedTokens: 0,
  }
}
