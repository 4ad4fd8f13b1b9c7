import { grown } from '../pickers/column.js'

const NONE = -1

/**
 * The requests that a router has under way, by row, and in the order in which they were sent. All operations are
 * O(1) but {@link shortestOn}, which is O(requests). No allocation once grown.
 */
export class LlumnixRequests {
  /** Requests under way. */
  size = 0
  /** Rows of those that are on their way to another backend. */
  readonly moving: number[] = []
  /** By row, as are all: where each is, -1 for those that are not under way. */
  private backends = new Int32Array(0)
  /** Of its context: prompt and answer so far. */
  private tokens = new Int32Array(0)
  private hasAnswered = new Uint8Array(0)
  /** Where those that are on their way go, -1 for others. */
  private targets = new Int32Array(0)
  private before = new Int32Array(0)
  private after = new Int32Array(0)
  /** What each asks for, undefined where any will do. */
  private readonly models: (string | undefined)[] = []
  private first = NONE
  private last = NONE

  /** A request was sent to a backend. */
  add(row: number, backend: number, tokens: number, model: string | undefined): void {
    if (row >= this.backends.length) this.grow(Math.max(1024, 2 * (row + 1)))
    if (this.backends[row] === NONE) {
      this.before[row] = this.last
      this.after[row] = NONE
      if (this.last === NONE) this.first = row
      else this.after[this.last] = row
      this.last = row
      this.size++
    }
    this.backends[row] = backend
    this.tokens[row] = tokens
    this.hasAnswered[row] = 0
    if (model !== undefined || row < this.models.length) this.models[row] = model
  }

  /** Whether a request is under way. */
  has(row: number): boolean {
    return this.backendOf(row) !== NONE
  }

  /** Where a request is, -1 when it is not under way. */
  backendOf(row: number): number {
    return row < this.backends.length ? this.backends[row]! : NONE
  }

  /** Where a request goes, -1 when it stays. */
  targetOf(row: number): number {
    return row < this.targets.length ? this.targets[row]! : NONE
  }

  /** A request has its first token. */
  answered(row: number): void {
    if (this.has(row)) this.hasAnswered[row] = 1
  }

  /** A request has so many tokens of context now. */
  grew(row: number, tokens: number): void {
    if (this.has(row)) this.tokens[row] = tokens
  }

  /** A request sets out for another backend. */
  move(row: number, target: number): void {
    if (this.targets[row] === NONE) this.moving.push(row)
    this.targets[row] = target
  }

  /** A move is over, and the request is there now. */
  moved(row: number, backend: number): void {
    if (!this.has(row)) return
    this.backends[row] = backend
    this.stay(row)
  }

  /** A request has ended. */
  remove(row: number): void {
    if (!this.has(row)) return
    this.stay(row)
    this.backends[row] = NONE
    const [before, after] = [this.before[row]!, this.after[row]!]
    if (before === NONE) this.first = after
    else this.after[before] = after
    if (after === NONE) this.last = before
    else this.before[after] = before
    this.size--
  }

  /**
   * The request with the least context of those that decode on a backend and that a model can take over, the
   * first of equals; -1 for none.
   */
  shortestOn(backend: number, model: string | undefined): number {
    const { backends, hasAnswered, tokens, after } = this
    let shortest = NONE
    let fewest = Number.POSITIVE_INFINITY
    for (let row = this.first; row !== NONE; row = after[row]!) {
      if (backends[row] !== backend || hasAnswered[row] === 0 || tokens[row]! >= fewest) continue
      const wanted = this.models[row]
      if (wanted !== undefined && model !== undefined && wanted !== model) continue
      shortest = row
      fewest = tokens[row]!
    }
    return shortest
  }

  private stay(row: number): void {
    if (this.targets[row] === NONE) return
    this.targets[row] = NONE
    const { moving } = this
    moving[moving.indexOf(row)] = moving[moving.length - 1]!
    moving.pop()
  }

  private grow(size: number): void {
    this.backends = grown(this.backends, new Int32Array(size).fill(NONE))
    this.tokens = grown(this.tokens, new Int32Array(size))
    this.hasAnswered = grown(this.hasAnswered, new Uint8Array(size))
    this.targets = grown(this.targets, new Int32Array(size).fill(NONE))
    this.before = grown(this.before, new Int32Array(size))
    this.after = grown(this.after, new Int32Array(size))
  }
}
