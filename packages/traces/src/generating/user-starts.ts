import type { ArrivalsSpec } from './arrivals-spec.js'
import { MinQueue } from './min-queue.js'

const NONE = -1

/** When users start conversations, each one after another; earliest first. */
export class UserStarts implements Iterator<number> {
  /** Time between two turns of a user in ms, where that is fixed. */
  readonly turnMs: number | undefined
  /** Row of the last request of the user whose turn it is, -1 for none. */
  last: number = NONE
  private readonly queue = new MinQueue()
  private readonly lastRow: Int32Array
  private readonly endMs: number
  private user: number = NONE

  constructor({ users = 1, rateRps }: ArrivalsSpec, endMs: number) {
    this.turnMs = rateRps === undefined ? undefined : (users / rateRps) * 1000
    this.endMs = endMs
    this.lastRow = new Int32Array(users).fill(NONE)
    // On a schedule they are spread evenly over the first round.
    for (let user = 0; user < users; user++) {
      this.queue.push(rateRps === undefined ? 0 : (user / rateRps) * 1000, user)
    }
  }

  next(): IteratorResult<number> {
    const first = this.queue.pop()
    if (first === undefined || first.ms >= this.endMs) return { done: true, value: undefined }
    this.user = first.value
    this.last = this.lastRow[this.user]!
    return { value: first.ms }
  }

  /** The conversation that was started last ends with a row, and the next may start at a time. */
  ended(row: number, nextMs: number): void {
    this.lastRow[this.user] = row
    this.queue.push(nextMs, this.user)
  }
}
