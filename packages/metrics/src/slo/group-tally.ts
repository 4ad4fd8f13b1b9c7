import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'
import { isWithin } from './is-within.js'
import type { ResolvedTargets } from './slo-options.js'

/** What the requests of a group add up to: all, those of a tenant, or those of a class. */
export class GroupTally {
  requests = 0
  completed = 0
  /** Prompt and output tokens of all requests, and of completed ones. */
  offeredTokens = 0
  servedTokens = 0
  /** Sum and number of times to the first token. */
  ttftSumMs = 0
  ttftCount = 0
  /** Requests with a target, and those of them that met it. */
  ttftAsked = 0
  ttftMet = 0
  tpotAsked = 0
  tpotMet = 0
  e2eAsked = 0
  e2eMet = 0
  /** Requests with any target, those that were completed and met all theirs, and their tokens. */
  asked = 0
  good = 0
  goodOutputTokens = 0
  goodTokens = 0

  /** Counts the request of a row against its targets. */
  add(
    row: number,
    targets: ResolvedTargets,
    requests: RequestTable,
    outcomes: RequestOutcomes,
  ): void {
    const promptTokens = requests.promptTokens[row]!
    const outputTokens = requests.outputTokens[row]!
    const isCompleted = outcomes.outcome[row] === OUTCOME.completed
    const arrivalMs = requests.arrivalMs[row]!
    const firstTokenMs = outcomes.firstTokenMs[row]!
    const finishedMs = outcomes.finishedMs[row]!
    // A completed request without output has no first token to wait for.
    const hasFirst = !Number.isNaN(firstTokenMs)
    this.requests++
    this.offeredTokens += promptTokens + outputTokens
    if (hasFirst) {
      this.ttftSumMs += firstTokenMs - arrivalMs
      this.ttftCount++
    }
    if (isCompleted) {
      this.completed++
      this.servedTokens += promptTokens + outputTokens
    }
    const { ttftMs, e2eMs, tpotMs } = targets
    let isGood = isCompleted
    if (ttftMs < Number.POSITIVE_INFINITY) {
      this.ttftAsked++
      const isMet = isCompleted && (!hasFirst || isWithin(arrivalMs, firstTokenMs, ttftMs))
      if (isMet) this.ttftMet++
      isGood &&= isMet
    }
    if (tpotMs < Number.POSITIVE_INFINITY) {
      this.tpotAsked++
      const gaps = outputTokens - 1
      // One output token has no gap that could be too long.
      const isMet = isCompleted && (gaps < 1 || isWithin(firstTokenMs, finishedMs, gaps * tpotMs))
      if (isMet) this.tpotMet++
      isGood &&= isMet
    }
    if (e2eMs < Number.POSITIVE_INFINITY) {
      this.e2eAsked++
      const isMet = isCompleted && isWithin(arrivalMs, finishedMs, e2eMs)
      if (isMet) this.e2eMet++
      isGood &&= isMet
    }
    if (Math.min(ttftMs, tpotMs, e2eMs) === Number.POSITIVE_INFINITY) return
    this.asked++
    if (!isGood) return
    this.good++
    this.goodOutputTokens += outputTokens
    this.goodTokens += promptTokens + outputTokens
  }
}
