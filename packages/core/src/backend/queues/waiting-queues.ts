const NONE = -1

/**
 * Requests waiting at each backend: first in, first out, and a way back to the front. A request waits at
 * one backend at a time, so one column of successors serves all of them. O(1) each, without allocation.
 */
export class WaitingQueues {
  private readonly heads: Int32Array
  private readonly tails: Int32Array
  private readonly next: Int32Array
  /** Per backend: those who were passed over in this round. */
  private readonly aside: readonly number[][]

  constructor(backends: number, requests: number) {
    this.heads = new Int32Array(backends).fill(NONE)
    this.tails = new Int32Array(backends).fill(NONE)
    this.next = new Int32Array(requests)
    this.aside = Array.from({ length: backends }, () => [])
  }

  /** The request at the front, -1 when nobody waits. */
  peek(backend: number): number {
    return this.heads[backend]!
  }

  pushBack(backend: number, request: number): void {
    const tail = this.tails[backend]!
    if (tail === NONE) this.heads[backend] = request
    else this.next[tail] = request
    this.next[request] = NONE
    this.tails[backend] = request
  }

  pushFront(backend: number, request: number): void {
    const head = this.heads[backend]!
    if (head === NONE) this.tails[backend] = request
    this.next[request] = head
    this.heads[backend] = request
  }

  /** Takes a request out wherever it stands: O(queue). @returns false when it is not there */
  remove(backend: number, request: number): boolean {
    let before = NONE
    let at = this.heads[backend]!
    while (at !== NONE && at !== request) {
      before = at
      at = this.next[at]!
    }
    if (at === NONE) return false
    const after = this.next[at]!
    if (before === NONE) this.heads[backend] = after
    else this.next[before] = after
    if (after === NONE) this.tails[backend] = before
    return true
  }

  /** Forgets all who wait. */
  clear(backend: number): void {
    this.heads[backend] = NONE
    this.tails[backend] = NONE
  }

  /** Takes the request at the front out; the queue must not be empty. */
  popFront(backend: number): number {
    const request = this.heads[backend]!
    const head = this.next[request]!
    this.heads[backend] = head
    if (head === NONE) this.tails[backend] = NONE
    return request
  }

  /** Passes over the request at the front until the round ends. */
  setAside(backend: number): void {
    this.aside[backend]!.push(this.popFront(backend))
  }

  /** Those who were passed over stand again where they stood. */
  endRound(backend: number): void {
    const aside = this.aside[backend]!
    while (aside.length > 0) this.pushFront(backend, aside.pop()!)
  }

  /** A batch has room: who goes first may change now, and only then. First come, first served: nobody. */
  arrange(_backend: number): void {}

  /** Whether who goes first depends on when that is. */
  isArranged(_backend: number): boolean {
    return false
  }

  /** Whether running requests lose their blocks by rank, the largest first. */
  preemptsByRank(_backend: number): boolean {
    return false
  }

  rankOf(_backend: number, _request: number): number {
    return 0
  }
}
