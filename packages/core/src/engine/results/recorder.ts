import type { StepShape } from '../../latency/latency-model.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { BackendTotals, RequestOutcomes } from './run-result.js'

/**
 * Receives the facts of a run that are too many to keep, as they happen. Everything that is one value
 * per request stands in the result's columns instead. Arguments are valid during the call only.
 */
export interface Recorder {
  /**
   * Measured requests received output tokens after their first. Every four numbers `baseMs, slopeMs,
   * steps, requests` are a run of gaps: so many requests got one token in each of so many steps, the i-th
   * (from 0) `baseMs + i * slopeMs` after the token before. Runs are handed over many at a time.
   */
  tokenGaps?(runs: Float64Array): void
  /**
   * A measured request ended: all that the run knows of it stands in a row of these columns. Only in a run whose
   * requests come from a source; one with a table keeps them all, for the result.
   */
  requestEnded?(row: number, requests: RequestTable, outcomes: RequestOutcomes): void
  /**
   * The first request of a window of the run (`windowStarts`) is sent. All gaps until now have been handed over;
   * the totals are those since the beginning of the measured part.
   */
  windowStarted?(nowMs: number, backends: readonly BackendTotals[]): void
  /** A backend finished a step. Asking for this makes the engine simulate every single step. */
  stepCompleted?(backend: number, startMs: number, durationMs: number, step: StepShape): void
}
