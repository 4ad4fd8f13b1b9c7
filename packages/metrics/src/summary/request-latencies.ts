import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'

/** Arrival to first output token, in ms; NaN if there was none. */
export function ttftMs(row: number, requests: RequestTable, outcomes: RequestOutcomes): number {
  return outcomes.firstTokenMs[row]! - requests.arrivalMs[row]!
}

/** The same, NaN unless completed. */
export function completedTtftMs(
  row: number,
  requests: RequestTable,
  outcomes: RequestOutcomes,
): number {
  const isCompleted = outcomes.outcome[row] === OUTCOME.completed
  return isCompleted ? ttftMs(row, requests, outcomes) : Number.NaN
}

/** Arrival to the first step that worked on the request, in ms; NaN if there was none. */
export function queueWaitMs(
  row: number,
  requests: RequestTable,
  outcomes: RequestOutcomes,
): number {
  return outcomes.admittedMs[row]! - requests.arrivalMs[row]!
}

/** Arrival to last output token, in ms; NaN unless completed. */
export function e2eMs(row: number, requests: RequestTable, outcomes: RequestOutcomes): number {
  if (outcomes.outcome[row] !== OUTCOME.completed) return Number.NaN
  return outcomes.finishedMs[row]! - requests.arrivalMs[row]!
}

/** Mean ms per output token after the first; NaN unless completed with at least two output tokens. */
export function tpotMs(row: number, requests: RequestTable, outcomes: RequestOutcomes): number {
  const laterTokens = requests.outputTokens[row]! - 1
  if (laterTokens < 1 || outcomes.outcome[row] !== OUTCOME.completed) return Number.NaN
  return (outcomes.finishedMs[row]! - outcomes.firstTokenMs[row]!) / laterTokens
}
