import type { Client } from './client.js'
import { checkedSubject } from './event-subjects.js'
import type { FollowUps } from './follow-ups.js'
import type { Machinery } from './machinery.js'
import {
  checkAllEnded,
  checkConservation,
  checkEnded,
  checkIdle,
  checkQueues,
} from './results/check-conservation.js'
import { OUTCOME } from './results/run-result.js'
import type { SimulationOptions } from './simulation-options.js'

/** Books how requests end, and lets come what waited for them. */
export class Endings {
  /** Why requests were not completed; the progress of a request has an index into it. */
  readonly reasons: string[] = []
  private readonly options: SimulationOptions
  private readonly machinery: Machinery
  private readonly client: Client
  private readonly followUps: FollowUps | undefined
  private ended = 0
  private endMs = 0

  constructor(
    options: SimulationOptions,
    machinery: Machinery,
    client: Client,
    followUps: FollowUps | undefined,
  ) {
    this.options = options
    this.machinery = machinery
    this.client = client
    this.followUps = followUps
  }

  /** Requests that have ended so far. */
  get count(): number {
    return this.ended
  }

  /** When the last of them did. */
  get lastMs(): number {
    return this.endMs
  }

  /** A request has ended, its times and places booked. */
  end(request: number, outcome: number): void {
    const { progress, requests, window, ranks, loop, clock } = this.machinery
    progress.outcome[request] = outcome
    this.ended++
    if (this.ended === this.options.requests.size) this.machinery.isOver = true
    this.endMs = clock.nowMs
    const held = this.client.ended()
    if (window === undefined) {
      // Later in this instant, as a step is just ending.
      if (held >= 0)
        loop.schedule(clock.nowMs, checkedSubject(this.machinery.subjects.client + held))
      if (this.followUps !== undefined) this.followUp(this.followUps, request, outcome)
      return
    }
    checkEnded(request, requests, progress)
    if (ranks !== undefined && progress.prefillBackend[request]! >= 0) {
      if (progress.backend[request]! >= 0)
        progress.backend[request] = ranks.backendOf(progress.backend[request]!)
      progress.prefillBackend[request] = ranks.backendOf(progress.prefillBackend[request]!)
    }
    if (request >= (this.options.warmupRequests ?? 0)) {
      this.options.recorder?.requestEnded?.(request, requests, progress)
    }
    window.give(request)
  }

  /** The same for one that was not completed. */
  endFor(reason: string, request: number, outcome: number): void {
    const { progress, clock } = this.machinery
    progress.rejectReason[request] = this.reasonId(reason)
    if (outcome !== OUTCOME.rejected) progress.finishedMs[request] = clock.nowMs
    this.end(request, outcome)
  }

  /**
   * Checks that every request has ended, once, and has left nothing behind.
   * @throws RouteSimError `conservation_violated`
   */
  check(): void {
    const { window, requests, progress, loads, kv, truth } = this.machinery
    checkQueues(truth.loads, this.options.cluster.backends)
    if (window === undefined) {
      checkConservation(requests, progress, loads, kv)
      return
    }
    checkAllEnded(this.ended, window.requests)
    checkIdle(loads, kv)
  }

  /** What waits for a request comes in time, or never when it was to be completed and was not. */
  private followUp(followUps: FollowUps, request: number, outcome: number): void {
    const { progress } = this.machinery
    const isCompleted = outcome === OUTCOME.completed
    this.letCome(followUps, request, isCompleted)
    if (isCompleted) return
    for (const row of followUps.giveUp(request)) {
      progress.rejectReason[row] = this.reasonId('predecessor_not_completed')
      progress.outcome[row] = OUTCOME.unsent
      this.ended++
      this.letCome(followUps, row, false)
    }
    if (this.ended === this.options.requests.size) this.machinery.isOver = true
  }

  private letCome(followUps: FollowUps, request: number, isCompleted: boolean): void {
    const { clock, loop, subjects } = this.machinery
    for (let wait = followUps.firstOf(request); wait >= 0; wait = followUps.after(wait)) {
      const row = followUps.over(wait, isCompleted)
      if (row < 0) continue
      loop.schedule(followUps.dueMs(row, clock.nowMs), checkedSubject(subjects.followUp + row))
    }
  }

  private reasonId(reason: string): number {
    const index = this.reasons.indexOf(reason)
    return index < 0 ? this.reasons.push(reason) - 1 : index
  }
}
