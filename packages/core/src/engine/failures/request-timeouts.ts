import type { Machinery } from '../machinery.js'
import { OUTCOME } from '../results/run-result.js'
import type { LostRequests } from './lost-requests.js'

/** How many entries may be done with before their memory is given back. */
const MOST_DONE = 4096

/** Ends requests that take too long: all may take as long, so that they are due in the order of sending. */
export class RequestTimeouts {
  private readonly machinery: Machinery
  private readonly lost: LostRequests
  private readonly timeoutMs: number
  private rows: number[] = []
  private ordinals: number[] = []
  private dueMs: number[] = []
  private first = 0

  constructor(timeoutMs: number, machinery: Machinery, lost: LostRequests) {
    this.timeoutMs = timeoutMs
    this.machinery = machinery
    this.lost = lost
  }

  /** A request is sent by its client. */
  sent(request: number): void {
    const { machinery } = this
    this.rows.push(request)
    this.ordinals.push(machinery.ordinalOf(request))
    this.dueMs.push(machinery.clock.nowMs + this.timeoutMs)
    if (this.rows.length - this.first === 1) this.await()
  }

  /** Requests are due. */
  due(): void {
    const { machinery, lost } = this
    const { nowMs } = machinery.clock
    while (this.first < this.rows.length && this.dueMs[this.first]! <= nowMs) {
      const request = this.rows[this.first]!
      const isSame = machinery.ordinalOf(request) === this.ordinals[this.first]
      this.first++
      // Its row may have another request by now.
      if (isSame && machinery.progress.outcome[request] === OUTCOME.unfinished)
        lost.timeOut(request)
    }
    if (this.first > MOST_DONE) {
      this.rows = this.rows.slice(this.first)
      this.ordinals = this.ordinals.slice(this.first)
      this.dueMs = this.dueMs.slice(this.first)
      this.first = 0
    }
    if (!machinery.isOver && this.first < this.rows.length) this.await()
  }

  private await(): void {
    const { loop, subjects } = this.machinery
    loop.schedule(this.dueMs[this.first]!, subjects.timeouts)
  }
}
