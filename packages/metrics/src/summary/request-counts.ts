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
  unsent = 0
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
    if (decode >= 0) this.perBackend[decode]!++
    if (prefill >= 0 && prefill !== decode && !this.hasMoved(prefill, decode)) {
      this.perBackend[prefill]!++
    }
    this.keep(row, outcomes)
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
    } else if (outcome === OUTCOME.unsent) {
      this.unsent++
    }
  }

  /** Notes for how long the request of a row, measured or not, kept its backends there. */
  keep(row: number, outcomes: RequestOutcomes): void {
    const { presence } = this
    if (!presence.changes) return
    const decode = outcomes.backend[row]!
    const prefill = outcomes.prefillBackend[row]!
    const admittedMs = outcomes.admittedMs[row]!
    const endMs = endOf(row, outcomes)
    if (decode >= 0 && decode === prefill) presence.had(decode, admittedMs, endMs)
    // Nothing tells when it was moved: surely, the last one had it in the end.
    else if (this.hasMoved(prefill, decode)) presence.had(decode, endMs, endMs)
    else {
      if (prefill >= 0) presence.had(prefill, admittedMs, prefillEndOf(row, outcomes))
      const sentMs = outcomes.transferStartMs?.[row] ?? Number.NaN
      const beganMs = Number.isNaN(sentMs) ? outcomes.firstTokenMs[row]! : sentMs
      if (decode >= 0) presence.had(decode, beganMs, endMs)
    }
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

/** When a request ended or was given up; never where the run was stopped before. */
function endOf(row: number, { outcome, finishedMs }: RequestOutcomes): number {
  return outcome[row] === OUTCOME.unfinished ? Number.POSITIVE_INFINITY : finishedMs[row]!
}

/** When a backend had done with a prompt that was to be decoded elsewhere: it had sent its KV cache. */
function prefillEndOf(row: number, outcomes: RequestOutcomes): number {
  const sentMs = outcomes.transferEndMs?.[row] ?? Number.NaN
  if (!Number.isNaN(sentMs)) return sentMs
  const isCompleted = outcomes.outcome[row] === OUTCOME.completed
  return isCompleted ? outcomes.firstTokenMs[row]! : endOf(row, outcomes)
}

function countAt(counts: number[], reason: number): void {
  counts[reason] = (counts[reason] ?? 0) + 1
}

function byName(counts: readonly number[], reasons: readonly string[]): Record<string, number> {
  const counted = reasons.map((reason, i) => [reason, counts[i] ?? 0] as const)
  return Object.fromEntries(counted.filter(([, times]) => times > 0))
}
