import type { RequestTable } from '../requests/request-table.js'

const NONE = -1

/** The requests that wait for others to end: later turns, calls that tools or agents set off. */
export class FollowUps {
  private readonly requests: RequestTable
  private readonly predecessor: Int32Array
  /**
   * Waits: that of each row for its predecessor, by the number of the row, then the joins of the table.
   * Per request, the first wait for it; and per wait, the next for the same.
   */
  private readonly first: Int32Array
  private readonly next: Int32Array
  private readonly joinRow: Int32Array
  /** Per request, those it still waits for; only where some wait for several. */
  private readonly open: Int32Array | undefined
  /** Requests that will never be sent; only where some wait for several. */
  private readonly isGone: Uint8Array | undefined

  private constructor(requests: RequestTable, predecessor: Int32Array) {
    const { size, joinRow = new Int32Array(0), joinAwaited = new Int32Array(0) } = requests
    this.requests = requests
    this.predecessor = predecessor
    this.joinRow = joinRow
    this.first = new Int32Array(size).fill(NONE)
    this.next = new Int32Array(size + joinRow.length).fill(NONE)
    let join = joinRow.length - 1
    for (let row = size - 1; row >= 0; row--) {
      for (; joinRow[join] === row; join--) this.link(size + join, joinAwaited[join]!)
      if (predecessor[row]! >= 0) this.link(row, predecessor[row]!)
    }
    if (joinRow.length === 0) return
    this.open = new Int32Array(size).fill(1)
    this.isGone = new Uint8Array(size)
    for (const row of joinRow) this.open[row]!++
  }

  /** Those of a table; `undefined` when no request waits for another. */
  static of(requests: RequestTable): FollowUps | undefined {
    const { predecessor } = requests
    return predecessor === undefined ? undefined : new FollowUps(requests, predecessor)
  }

  /** Whether a request waits for another. */
  has(request: number): boolean {
    return this.predecessor[request]! >= 0
  }

  /** The first wait for a request, -1 for none. */
  firstOf(request: number): number {
    return this.first[request]!
  }

  /** The wait after one for the same request, -1 for none. */
  after(wait: number): number {
    return this.next[wait]!
  }

  /**
   * What was waited for has ended.
   * @returns the request that waits for nothing more, -1 when it still does, or will never be sent
   */
  over(wait: number, isCompleted: boolean): number {
    const row = this.rowOf(wait)
    if (!isCompleted && !this.goesOn(row)) return NONE
    return this.open === undefined || --this.open[row]! === 0 ? row : NONE
  }

  /** When a request is sent if the last it waits for ends at `endMs`, in ms. */
  dueMs(request: number, endMs: number): number {
    const thinkMs = this.requests.thinkMs?.[request] ?? 0
    return Math.max(this.requests.arrivalMs[request]!, endMs + thinkMs)
  }

  /**
   * All that wait for a request that was not completed, directly or not, in order of rows, but for those
   * that were given up already, and those that are sent however it ends.
   */
  giveUp(request: number): number[] {
    const found: number[] = []
    const open = [request]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (let wait = this.first[at]!; wait >= 0; wait = this.next[wait]!) {
        const row = this.rowOf(wait)
        if (this.isGone?.[row] === 1 || this.goesOn(row)) continue
        if (this.isGone !== undefined) this.isGone[row] = 1
        found.push(row)
        open.push(row)
      }
    }
    return found.sort((a, b) => a - b)
  }

  private goesOn(request: number): boolean {
    return this.requests.anyEnd?.[request] === 1
  }

  private link(wait: number, awaited: number): void {
    this.next[wait] = this.first[awaited]!
    this.first[awaited] = wait
  }

  private rowOf(wait: number): number {
    const { size } = this.requests
    return wait < size ? wait : this.joinRow[wait - size]!
  }
}
