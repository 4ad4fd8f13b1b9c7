import type { BackendSpec } from '../../engine/simulation-options.js'
import type { RequestProgress } from '../../requests/request-progress.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { FleetContext } from '../fleet.js'
import { countsSharedReads } from '../shared-reads.js'
import { sharedContextTokens } from './reference-shared-reads.js'

/** Running requests that a part of the batch is for. */
export type RequestKind = 'all' | 'prompts' | 'decodes'

/** The running requests of a {@link ReferenceBackend}, in order of admission. */
export class ReferenceBatch {
  /** Requests at most. */
  readonly capacity: number
  /** By place, up to {@link size}: the request, and the tokens it computes in the current step. */
  readonly requests: Int32Array
  readonly tokens: Int32Array
  private readonly blockTokens: number
  private readonly table: RequestTable
  private readonly progress: RequestProgress
  private readonly countsShared: boolean
  /** Those whose prompt, recomputed output included, is not computed yet. */
  private readonly prompts = new Set<number>()
  private count = 0
  /** While {@link keep} asks: the place it is at. */
  private at = -1

  constructor(spec: BackendSpec, { requests, progress, kv }: FleetContext) {
    this.capacity = Math.min(spec.maxNumSeqs, spec.maxBatchTokens, requests.size)
    this.requests = new Int32Array(this.capacity)
    this.tokens = new Int32Array(this.capacity)
    this.blockTokens = spec.kv.blockTokens
    this.table = requests
    this.progress = progress
    this.countsShared = countsSharedReads(spec, kv)
  }

  get size(): number {
    return this.count
  }

  /** Adds a request that computes nothing yet. @returns its place */
  add(request: number, isPrompt: boolean): number {
    if (isPrompt) this.prompts.add(request)
    this.requests[this.count] = request
    this.tokens[this.count] = 0
    return this.count++
  }

  /** Takes out the request at a place. @returns that request */
  removeAt(at: number): number {
    const request = this.requests[at]!
    this.requests.copyWithin(at, at + 1, this.count)
    this.tokens.copyWithin(at, at + 1, this.count)
    this.count--
    this.prompts.delete(request)
    return request
  }

  has(request: number): boolean {
    return this.requests.subarray(0, this.count).includes(request)
  }

  remove(request: number): void {
    this.removeAt(this.requests.subarray(0, this.count).indexOf(request))
  }

  clear(): void {
    this.count = 0
    this.prompts.clear()
  }

  /** Keeps those requests, oldest first, that the callback says stay. */
  keep(stays: (request: number, tokens: number) => boolean): void {
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      const request = this.requests[i]!
      this.at = i
      if (stays(request, this.tokens[i]!)) this.requests[kept++] = request
    }
    this.at = -1
    this.count = kept
  }

  /** Whether a request computes tokens in the step, and {@link keep} has not come to it yet. */
  isToAdvance(request: number): boolean {
    if (this.at < 0) return false
    const place = this.requests.subarray(0, this.count).indexOf(request, this.at + 1)
    return place > 0 && this.tokens[place]! > 0
  }

  /** From now on the request is a decode. */
  promptComputed(request: number): void {
    this.prompts.delete(request)
  }

  /** Place of the running request admitted last. */
  newest(): number {
    let at = this.size - 1
    while (this.progress.isTransferring[this.requests[at]!] === 1) at--
    return at
  }

  /** Place of the running request with the largest rank, the latest arrival, the last admitted. */
  last(rankOf: (request: number) => number): number {
    const { arrivalMs } = this.table
    let last = -1
    for (let i = 0; i < this.count; i++) {
      const request = this.requests[i]!
      if (!this.isOfKind(request, 'all')) continue
      const other = this.requests[last] ?? request
      const difference = rankOf(request) - rankOf(other) || arrivalMs[request]! - arrivalMs[other]!
      if (difference >= 0) last = i
    }
    return last
  }

  /** Place of the running request with the fewest output tokens, the longest prompt, the last admitted. */
  shortestAnswer(): number {
    const { progress, table } = this
    const places = Array.from({ length: this.size }, (_, i) => i).filter((i) =>
      this.isOfKind(this.requests[i]!, 'all'),
    )
    const emitted = (i: number): number => progress.emittedTokens[this.requests[i]!]!
    const prompt = (i: number): number => table.promptTokens[this.requests[i]!]!
    places.sort((a, b) => emitted(a) - emitted(b) || prompt(b) - prompt(a) || b - a)
    return places[0]!
  }

  /** Whether a running request is of a kind. */
  hasKind(kind: RequestKind): boolean {
    for (let i = 0; i < this.count; i++) if (this.isOfKind(this.requests[i]!, kind)) return true
    return false
  }

  isOfKind(request: number, kind: RequestKind): boolean {
    if (this.progress.isTransferring[request] === 1) return false
    return kind === 'all' || this.prompts.has(request) === (kind === 'prompts')
  }

  /** Tokens of context that the decodes of the step read more than once, 0 if nobody asks. */
  sharedTokens(): number {
    if (!this.countsShared) return 0
    const decodes = this.requests
      .subarray(0, this.count)
      .filter((request, i) => this.tokens[i] === 1 && this.isOfKind(request, 'decodes'))
    return sharedContextTokens(this.table, decodes, this.blockTokens)
  }

  /** Blocks that running requests of a kind need for the tokens the step would give them. */
  blocksNeeded(kind: RequestKind, budget: number): number {
    let left = budget
    let needed = 0
    for (let i = 0; i < this.size; i++) {
      const request = this.requests[i]!
      if (!this.isOfKind(request, kind)) continue
      const computed = this.progress.computedTokens[request]!
      const tokens = Math.min(this.knownTokens(request) - computed, left)
      left -= tokens
      const held = Math.max(computed, this.progress.heldTokens[request] ?? 0)
      needed +=
        Math.ceil(Math.max(computed + tokens, held) / this.blockTokens) -
        Math.ceil(held / this.blockTokens)
    }
    return needed
  }

  /** Prompt and output tokens that exist so far: what must be computed before the next one comes. */
  knownTokens(request: number): number {
    return this.table.promptTokens[request]! + this.progress.emittedTokens[request]!
  }
}
