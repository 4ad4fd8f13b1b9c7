import { OUTCOME, type RunResult } from '@routesim/core'

/**
 * Facts of the measured requests of a run, in one pass over its columns. Columns have one value per
 * measured request, NaN where the request has none; times are in ms.
 */
export interface MeasuredRequests {
  readonly total: number
  readonly completed: number
  readonly rejected: number
  readonly unfinished: number
  readonly rejectedByReason: Readonly<Record<string, number>>
  readonly preemptions: number
  /** Tokens of completed requests. */
  readonly promptTokens: number
  readonly outputTokens: number
  /** From the arrival of the first measured request to the last end of a measured one. */
  readonly durationMs: number
  readonly ttftMs: Float64Array
  readonly tpotMs: Float64Array
  readonly e2eMs: Float64Array
  readonly queueWaitMs: Float64Array
}

/** Reads the measured requests of a run. */
export function measureRequests(result: RunResult): MeasuredRequests {
  const { requests, outcomes, warmupRequests: first } = result
  const total = requests.size - first
  const ttftMs = new Float64Array(total)
  const tpotMs = new Float64Array(total).fill(Number.NaN)
  const e2eMs = new Float64Array(total).fill(Number.NaN)
  const queueWaitMs = new Float64Array(total)
  const rejections = result.rejectReasons.map(() => 0)
  let completed = 0
  let rejected = 0
  let preemptions = 0
  let promptTokens = 0
  let outputTokens = 0
  let lastFinishMs = Number.NEGATIVE_INFINITY
  for (let i = 0; i < total; i++) {
    const row = first + i
    const arrivalMs = requests.arrivalMs[row]!
    ttftMs[i] = outcomes.firstTokenMs[row]! - arrivalMs
    queueWaitMs[i] = outcomes.admittedMs[row]! - arrivalMs
    preemptions += outcomes.preemptions[row]!
    if (outcomes.outcome[row] === OUTCOME.completed) {
      const finishedMs = outcomes.finishedMs[row]!
      completed++
      promptTokens += requests.promptTokens[row]!
      outputTokens += requests.outputTokens[row]!
      e2eMs[i] = finishedMs - arrivalMs
      tpotMs[i] = timePerOutputToken(result, row)
      if (finishedMs > lastFinishMs) lastFinishMs = finishedMs
    } else if (outcomes.outcome[row] === OUTCOME.rejected) {
      rejected++
      rejections[outcomes.rejectReason[row]!]!++
    }
  }
  return {
    total,
    completed,
    rejected,
    unfinished: total - completed - rejected,
    rejectedByReason: Object.fromEntries(
      result.rejectReasons.map((reason, i) => [reason, rejections[i]!]).filter(([, n]) => n !== 0),
    ),
    preemptions,
    promptTokens,
    outputTokens,
    durationMs: (completed > 0 ? lastFinishMs : result.endMs) - result.measuredFromMs,
    ttftMs,
    tpotMs,
    e2eMs,
    queueWaitMs,
  }
}

/** Mean ms per output token after the first; NaN unless completed with at least two output tokens. */
export function timePerOutputToken(result: RunResult, row: number): number {
  const laterTokens = result.requests.outputTokens[row]! - 1
  if (laterTokens < 1) return Number.NaN
  return (result.outcomes.finishedMs[row]! - result.outcomes.firstTokenMs[row]!) / laterTokens
}
