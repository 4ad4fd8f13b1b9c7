import type { RequestTable } from '../requests/request-table.js'

const NONE = -1

/** The requests that wait for others to end: later turns, calls that a tool's answer sets off. */
export class FollowUps {
  private readonly requests: RequestTable
  private readonly predecessor: Int32Array
  /** Per request, the first that waits for it; and per such request, the next. */
  private readonly first: Int32Array
  private readonly next: Int32Array

  private constructor(requests: RequestTable, predecessor: Int32Array) {
    this.requests = requests
    this.predecessor = predecessor
    this.first = new Int32Array(requests.size).fill(NONE)
    this.next = new Int32Array(requests.size).fill(NONE)
    for (let row = requests.size - 1; row >= 0; row--) {
      const before = predecessor[row]!
      if (before < 0) continue
      this.next[row] = this.first[before]!
      this.first[before] = row
    }
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

  /** The first request that waits for one, -1 for none. */
  firstOf(request: number): number {
    return this.first[request]!
  }

  /** The request after one that waits for the same, -1 for none. */
  after(request: number): number {
    return this.next[request]!
  }

  /** When a request is sent whose predecessor ends at `endMs`, in ms. */
  dueMs(request: number, endMs: number): number {
    const thinkMs = this.requests.thinkMs?.[request] ?? 0
    return Math.max(this.requests.arrivalMs[request]!, endMs + thinkMs)
  }

  /** All that wait for a request, directly or not, in order of rows. */
  allOf(request: number): number[] {
    const found: number[] = []
    const open = [request]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (let row = this.first[at]!; row >= 0; row = this.next[row]!) {
        found.push(row)
        open.push(row)
      }
    }
    return found.sort((a, b) => a - b)
  }
}
