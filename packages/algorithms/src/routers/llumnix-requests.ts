import type { BackendView, ClusterView } from '@routesim/core'
import { grown } from '../pickers/column.js'

const NONE = -1
/** Tokens of an answer without a declared limit: more than any backend has room for, and sums of it are exact. */
const ENDLESS = 2 ** 40

/**
 * The requests that a router has under way, by row, and where they are or go. All operations are O(1) but
 * {@link shortestOn}, which is O(requests on the backend). No allocation once grown.
 */
export class LlumnixRequests {
  /** Rows of those that are on their way to another backend. */
  readonly moving: number[] = []
  /** By backend: requests there, or on their way there. */
  private counts = new Int32Array(0)
  /** By backend: KV blocks that these hold at most, each with an answer as long as it may be. */
  mostBlocks: Float64Array = new Float64Array(0)
  private blockTokens = new Int32Array(0)
  /** By backend: the first row of those there. */
  private first = new Int32Array(0)
  /** By row, as are all: where each is, -1 for those that are not under way. */
  private backends = new Int32Array(0)
  private promptTokens = new Int32Array(0)
  /** Of its context at the end: prompt, and as much of an answer as was asked for. */
  private mostTokens = new Float64Array(0)
  /** How many were sent before it. */
  private order = new Float64Array(0)
  private hasAnswered = new Uint8Array(0)
  /** Output tokens that each had when its last move was over, -1 before. */
  private movedWith = new Int32Array(0)
  /** Where those that are on their way go, -1 for others. */
  private targets = new Int32Array(0)
  private before = new Int32Array(0)
  private after = new Int32Array(0)
  /** What each asks for, undefined where any will do. */
  private readonly models: (string | undefined)[] = []
  private sent = 0

  /** A request was sent to a backend. */
  add(
    row: number,
    backend: BackendView,
    promptTokens: number,
    maxTokens: number,
    model: string | undefined,
  ): void {
    if (row >= this.backends.length) this.growRows(Math.max(1024, 2 * (row + 1)))
    this.know(backend)
    this.remove(row)
    this.promptTokens[row] = promptTokens
    this.mostTokens[row] = promptTokens + (maxTokens > 0 ? maxTokens : ENDLESS)
    this.order[row] = this.sent++
    this.hasAnswered[row] = 0
    this.movedWith[row] = -1
    if (model !== undefined || row < this.models.length) this.models[row] = model
    this.join(row, backend.id)
  }

  /** Whether a request is under way. */
  has(row: number): boolean {
    return this.backendOf(row) !== NONE
  }

  /** Where a request is, -1 when it is not under way. */
  backendOf(row: number): number {
    return row < this.backends.length ? this.backends[row]! : NONE
  }

  /** Requests on a backend, or on their way there. */
  countOn(backend: number): number {
    return backend < this.counts.length ? this.counts[backend]! : 0
  }

  /** Where a request goes, -1 when it stays. */
  targetOf(row: number): number {
    return row < this.targets.length ? this.targets[row]! : NONE
  }

  /** A request has its first token. */
  answered(row: number): void {
    if (this.has(row)) this.hasAnswered[row] = 1
  }

  /** A request sets out for another backend. */
  move(row: number, target: BackendView): void {
    this.stay(row)
    this.know(target)
    this.moving.push(row)
    this.targets[row] = target.id
    this.count(row, target.id, 1)
  }

  /** A request is there now, and goes nowhere. */
  moved(row: number, backend: BackendView): void {
    if (!this.has(row)) return
    this.stay(row)
    this.know(backend)
    this.leave(row)
    this.join(row, backend.id)
  }

  /** A request has been moved, and has so many output tokens: it stays until it has more. */
  keep(row: number, outputTokens: number): void {
    if (this.has(row)) this.movedWith[row] = outputTokens
  }

  /** A request has ended. */
  remove(row: number): void {
    if (!this.has(row)) return
    this.stay(row)
    this.leave(row)
    this.backends[row] = NONE
  }

  /**
   * The request with the least context, prompt and answer so far, of those that decode on a backend and that a
   * model can take over, the one sent first of equals; -1 for none. One without a token since its last move is
   * passed over, or it could move for ever.
   */
  shortestOn(backend: number, model: string | undefined, cluster: ClusterView): number {
    if (this.countOn(backend) === 0) return NONE
    const { hasAnswered, movedWith, promptTokens, order, after, models } = this
    let shortest = NONE
    let fewest = Number.POSITIVE_INFINITY
    for (let row = this.first[backend]!; row !== NONE; row = after[row]!) {
      if (hasAnswered[row] === 0) continue
      const wanted = models[row]
      if (wanted !== undefined && model !== undefined && wanted !== model) continue
      const answered = cluster.emittedTokens(row)
      const tokens = promptTokens[row]! + answered
      if (answered === movedWith[row]) continue
      if (tokens > fewest || (tokens === fewest && order[row]! > order[shortest]!)) continue
      shortest = row
      fewest = tokens
    }
    return shortest
  }

  private join(row: number, backend: number): void {
    const next = this.first[backend]!
    this.backends[row] = backend
    this.before[row] = NONE
    this.after[row] = next
    if (next !== NONE) this.before[next] = row
    this.first[backend] = row
    this.count(row, backend, 1)
  }

  private leave(row: number): void {
    const [before, after] = [this.before[row]!, this.after[row]!]
    const backend = this.backends[row]!
    if (before === NONE) this.first[backend] = after
    else this.after[before] = after
    if (after !== NONE) this.before[after] = before
    this.count(row, backend, -1)
  }

  private stay(row: number): void {
    const target = this.targets[row]!
    if (target === NONE) return
    this.targets[row] = NONE
    this.count(row, target, -1)
    const { moving } = this
    moving[moving.indexOf(row)] = moving[moving.length - 1]!
    moving.pop()
  }

  private count(row: number, backend: number, sign: 1 | -1): void {
    const blocks = Math.ceil(this.mostTokens[row]! / this.blockTokens[backend]!)
    this.counts[backend] = this.counts[backend]! + sign
    this.mostBlocks[backend] = this.mostBlocks[backend]! + sign * blocks
  }

  private know({ id, blockTokens }: BackendView): void {
    if (id >= this.counts.length) this.growBackends(2 * (id + 1))
    this.blockTokens[id] = blockTokens
  }

  private growBackends(size: number): void {
    this.counts = grown(this.counts, new Int32Array(size))
    this.mostBlocks = grown(this.mostBlocks, new Float64Array(size))
    this.blockTokens = grown(this.blockTokens, new Int32Array(size))
    this.first = grown(this.first, new Int32Array(size).fill(NONE))
  }

  private growRows(size: number): void {
    this.backends = grown(this.backends, new Int32Array(size).fill(NONE))
    this.promptTokens = grown(this.promptTokens, new Int32Array(size))
    this.mostTokens = grown(this.mostTokens, new Float64Array(size))
    this.order = grown(this.order, new Float64Array(size))
    this.hasAnswered = grown(this.hasAnswered, new Uint8Array(size))
    this.movedWith = grown(this.movedWith, new Int32Array(size))
    this.targets = grown(this.targets, new Int32Array(size).fill(NONE))
    this.before = grown(this.before, new Int32Array(size))
    this.after = grown(this.after, new Int32Array(size))
  }
}
