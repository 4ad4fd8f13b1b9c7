import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'

/** What measured requests add up to, whichever way they are gone through. */
export class RequestCounts {
  total = 0
  completed = 0
  rejected = 0
  preemptions = 0
  /** Tokens of completed requests. */
  promptTokens = 0
  outputTokens = 0
  lastFinishMs: number = Number.NEGATIVE_INFINITY
  /** Requests by reason, as `rejectReason` numbers them. */
  private readonly rejections: number[] = []
  /** Measured requests sent to each backend; a disaggregated one counts on both of its backends. */
  readonly perBackend: number[]

  constructor(backends: number) {
    this.perBackend = new Array<number>(backends).fill(0)
  }

  /** Counts the request of a row. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    this.total++
    this.preemptions += outcomes.preemptions[row]!
    const decode = outcomes.backend[row]!
    const prefill = outcomes.prefillBackend[row]!
    if (decode >= 0) this.perBackend[decode]!++
    if (prefill >= 0 && prefill !== decode) this.perBackend[prefill]!++
    if (outcomes.outcome[row] === OUTCOME.completed) {
      const finishedMs = outcomes.finishedMs[row]!
      this.completed++
      this.promptTokens += requests.promptTokens[row]!
      this.outputTokens += requests.outputTokens[row]!
      if (finishedMs > this.lastFinishMs) this.lastFinishMs = finishedMs
    } else if (outcomes.outcome[row] === OUTCOME.rejected) {
      const reason = outcomes.rejectReason[row]!
      this.rejected++
      this.rejections[reason] = (this.rejections[reason] ?? 0) + 1
    }
  }

  /** Rejected requests by the names of the reasons that occurred. */
  rejectedByReason(reasons: readonly string[]): Readonly<Record<string, number>> {
    const counted = reasons.map((reason, i) => [reason, this.rejections[i] ?? 0] as const)
    return Object.fromEntries(counted.filter(([, count]) => count > 0))
  }
}
