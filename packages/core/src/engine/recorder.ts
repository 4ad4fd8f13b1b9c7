import type { StepShape } from '../latency/latency-model.js'
import type { RequestTable } from '../requests/request-table.js'
import type { RequestOutcomes } from './run-result.js'

/**
 * Receives the facts of a run that are too many to keep, as they happen. Everything that is one value
 * per request stands in the result's columns instead. Arguments are valid during the call only.
 */
export interface Recorder {
  /**
   * Measured requests received output tokens after their first: `requests` of them one token in each of
   * `steps` steps, the i-th (from 0) `baseMs + i * slopeMs` after the token before.
   */
  tokenGaps?(baseMs: number, slopeMs: number, steps: number, requests: number): void
  /** A measured request ended: all that the run knows of it stands in a row of these columns. */
  requestEnded?(row: number, requests: RequestTable, outcomes: RequestOutcomes): void
  /** A backend finished a step. Asking for this makes the engine simulate every single step. */
  stepCompleted?(backend: number, startMs: number, durationMs: number, step: StepShape): void
}
