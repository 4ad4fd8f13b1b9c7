import { OUTCOME, type RunResult } from '@routesim/core'

/** Counts and sums over the measured requests of a run. */
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
}

/** Counts the measured requests of a run, in one pass over its columns. */
export function measureRequests(result: RunResult): MeasuredRequests {
  const { requests, outcomes, warmupRequests: first } = result
  const { outcome, finishedMs, preemptions: preempted } = outcomes
  const total = requests.size - first
  const rejections = result.rejectReasons.map(() => 0)
  let completed = 0
  let rejected = 0
  let preemptions = 0
  let promptTokens = 0
  let outputTokens = 0
  let lastFinishMs = Number.NEGATIVE_INFINITY
  for (let row = first; row < requests.size; row++) {
    preemptions += preempted[row]!
    if (outcome[row] === OUTCOME.completed) {
      completed++
      promptTokens += requests.promptTokens[row]!
      outputTokens += requests.outputTokens[row]!
      if (finishedMs[row]! > lastFinishMs) lastFinishMs = finishedMs[row]!
    } else if (outcome[row] === OUTCOME.rejected) {
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
  }
}
