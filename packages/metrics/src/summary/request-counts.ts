import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'

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
  /** Measured requests sent to each backend; a disaggregated one counts on both of its backends. */
  readonly perBackend: number[]

  constructor(backends: number) {
    this.perBackend = new Array<number>(backends).fill(0)
  }

  /** Counts the request of a row. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    this.total++
    this.preemptions += outcomes.preemptions[row]!
    this.retries += outcomes.attempts[row]!
    const decode = outcomes.backend[row]!
    const prefill = outcomes.prefillBackend[row]!
    if (decode >= 0) this.perBackend[decode]!++
    if (prefill >= 0 && prefill !== decode) this.perBackend[prefill]!++
    const outcome = outcomes.outcome[row]
    if (outcome === OUTCOME.completed) {
      this.completed++
      this.promptTokens += requests.promptTokens[row]!
      this.outputTokens += requests.outputTokens[row]!
    } else if (outcome === OUTCOME.rejected) {
      this.rejected++
      count(this.rejections, outcomes.rejectReason[row]!)
    } else if (outcome === OUTCOME.failed) {
      this.failed++
      count(this.failures, outcomes.rejectReason[row]!)
    } else if (outcome === OUTCOME.timed_out) {
      this.timedOut++
    }
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

function count(counts: number[], reason: number): void {
  counts[reason] = (counts[reason] ?? 0) + 1
}

function byName(counts: readonly number[], reasons: readonly string[]): Record<string, number> {
  const counted = reasons.map((reason, i) => [reason, counts[i] ?? 0] as const)
  return Object.fromEntries(counted.filter(([, times]) => times > 0))
}
