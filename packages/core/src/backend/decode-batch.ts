import type { BackendContext } from './backend.js'
import { BlockGrowth } from './block-growth.js'
import { FinishHeap } from './finish-heap.js'

/**
 * The decoding requests of one backend, in sums: when the first of them finishes, how much context they
 * have, which blocks they will need. All of it is kept up over any number of steps in O(1), and changes
 * in O(log batch) when a request joins or leaves.
 */
export class DecodeBatch {
  /** Steps done so far. */
  counter = 0
  /** Tokens of context in the next step, of all requests. */
  contextTokens = 0
  /** Requests that are measured. */
  measured = 0
  /** Requests whose answer is part of later prompts. */
  readonly sharing: number[] = []
  private readonly context: BackendContext
  private readonly heap: FinishHeap
  private readonly growth: BlockGrowth
  private readonly sharingGrowth: BlockGrowth

  constructor(context: BackendContext, capacity: number, blockTokens: number) {
    this.context = context
    this.heap = new FinishHeap(capacity)
    this.growth = new BlockGrowth(blockTokens)
    this.sharingGrowth = new BlockGrowth(blockTokens)
  }

  get size(): number {
    return this.heap.size
  }

  /** Steps until the first request finishes, `Infinity` when there is none. */
  get stepsToFinish(): number {
    return this.heap.size === 0 ? Number.POSITIVE_INFINITY : this.heap.firstFinish - this.counter
  }

  /** Steps until a request completes a block of an answer that later prompts repeat. */
  get stepsToSharedBlock(): number {
    return this.sharing.length === 0
      ? Number.POSITIVE_INFINITY
      : this.sharingGrowth.stepsToCompletion(this.counter)
  }

  /** KV blocks that the next k steps need. */
  blocksNeeded(k: number): number {
    return this.growth.needed(this.counter, k)
  }

  /** Every request gets k tokens. */
  advance(k: number): void {
    this.counter += k
    this.contextTokens += this.heap.size * k
  }

  /** A request joins; `progress.emittedTokens` keeps what it had emitted by then. */
  join(request: number): void {
    const { progress, requests, measuredFrom } = this.context
    const emitted = progress.emittedTokens[request]!
    const computed = requests.promptTokens[request]! + emitted - 1
    const finish = this.counter + requests.outputTokens[request]! - emitted
    progress.finishStep[request] = finish
    this.heap.push(finish, progress.admission[request]!, request)
    this.contextTokens += computed + 1
    this.growth.change(computed, this.counter, 1)
    if (request >= measuredFrom) this.measured++
    if (this.sharesOutput(request)) {
      this.sharing.push(request)
      this.sharingGrowth.change(computed, this.counter, 1)
    }
  }

  /** Takes out the next request that has finished, in order of admission. @returns -1 when none has */
  leaveFinished(): number {
    if (this.heap.size === 0 || this.heap.firstFinish !== this.counter) return -1
    return this.leave(0)
  }

  /** Takes out the request admitted last. @returns that request */
  leaveNewest(): number {
    const { heap } = this
    let newest = 0
    for (let i = 1; i < heap.size; i++) {
      if (heap.admissionAt(i) > heap.admissionAt(newest)) newest = i
    }
    return this.leave(newest)
  }

  /** All requests, oldest first. */
  inOrderOfAdmission(): number[] {
    const { admission } = this.context.progress
    const order = Array.from({ length: this.heap.size }, (_, i) => this.heap.requestAt(i))
    return order.sort((a, b) => admission[a]! - admission[b]!)
  }

  /** Tokens of a request whose KV is computed; right for one that has just left, too. */
  computedTokens(request: number): number {
    const { requests, progress } = this.context
    const atEnd = requests.promptTokens[request]! + requests.outputTokens[request]! - 1
    return atEnd - (progress.finishStep[request]! - this.counter)
  }

  private leave(i: number): number {
    const request = this.heap.requestAt(i)
    const computed = this.computedTokens(request)
    this.heap.removeAt(i)
    this.contextTokens -= computed + 1
    this.growth.change(computed, this.counter, -1)
    if (request >= this.context.measuredFrom) this.measured--
    if (this.sharesOutput(request)) {
      this.sharing.splice(this.sharing.indexOf(request), 1)
      this.sharingGrowth.change(computed, this.counter, -1)
    }
    return request
  }

  private sharesOutput(request: number): boolean {
    const { promptNode, promptTokens, prompts } = this.context.requests
    const node = promptNode[request]!
    return node >= 0 && prompts.endTokens[node]! > promptTokens[request]!
  }
}
