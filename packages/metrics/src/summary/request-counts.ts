import {
  type BackendEvent,
  type BackendRole,
  OUTCOME,
  type RequestOutcomes,
  type RequestTable,
} from '@routesim/core'
import { Presence } from './presence.js'

/** What measured requests add up to, whichever way they are gone through. */
export class RequestCounts {
  total = 0
  completed = 0
  rejected = 0
  failed = 0
  timedOut = 0
  preemptions = 0
  retries = 0
  /** Tokens of completed requests. */
  promptTokens = 0
  outputTokens = 0
  /** Requests by reason, as `rejectReason` numbers them. */
  private readonly rejections: number[] = []
  private readonly failures: number[] = []
  /**
   * Measured requests by backend; a disaggregated one counts on both of its backends, one that a router moved
   * where it was last.
   */
  readonly perBackend: number[]
  /** When each backend was there. */
  readonly presence: Presence
  private readonly roles: readonly BackendRole[]

  constructor(roles: readonly BackendRole[], events: readonly BackendEvent[] = []) {
    this.roles = roles
    this.perBackend = roles.map(() => 0)
    this.presence = new Presence(roles.length, events)
  }

  /** Counts the request of a row. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    this.total++
    this.preemptions += outcomes.preemptions[row]!
    this.retries += outcomes.attempts[row]!
    const decode = outcomes.backend[row]!
    const prefill = outcomes.prefillBackend[row]!
    if (decode >= 0) this.count(decode, outcomes.finishedMs[row]!)
    if (prefill >= 0 && prefill !== decode && !this.hasMoved(prefill, decode))
      this.count(prefill, outcomes.firstTokenMs[row]!)
    const outcome = outcomes.outcome[row]
    if (outcome === OUTCOME.completed) {
      this.completed++
      this.promptTokens += requests.promptTokens[row]!
      this.outputTokens += requests.outputTokens[row]!
    } else if (outcome === OUTCOME.rejected) {
      this.rejected++
      countAt(this.rejections, outcomes.rejectReason[row]!)
    } else if (outcome === OUTCOME.failed) {
      this.failed++
      countAt(this.failures, outcomes.rejectReason[row]!)
    } else if (outcome === OUTCOME.timed_out) {
      this.timedOut++
    }
  }

  private count(backend: number, endMs: number): void {
    this.perBackend[backend]!++
    if (this.presence.changes) this.presence.ended(backend, endMs)
  }

  /** Whether a request went from one backend to another although either takes whole requests. */
  private hasMoved(from: number, to: number): boolean {
    return this.roles[from] === 'both' && this.roles[to] === 'both'
  }

  /** Rejected requests by the names of the reasons that occurred. */
  rejectedByReason(reasons: readonly string[]): Readonly<Record<string, number>> {
    return byName(this.rejections, reasons)
  }

  /** The same of failed requests. */
  failedByReason(reasons: readonly string[]): Readonly<Record<string, number>> {
    return byName(this.failures, reasons)
  }
}

function countAt(counts: number[], reason: number): void {
  counts[reason] = (counts[reason] ?? 0) + 1
}

function byName(counts: readonly number[], reasons: readonly string[]): Record<string, number> {
  const counted = reasons.map((reason, i) => [reason, counts[i] ?? 0] as const)
  return Object.fromEntries(counted.filter(([, times]) => times > 0))
}
