import type { StepShape } from '../latency/latency-model.js'

/**
 * Receives the facts of a run that are too many to keep, as they happen. Everything that is one value
 * per request stands in the result's columns instead. Arguments are valid during the call only.
 */
export interface Recorder {
  /**
   * A request received one more output token after its first.
   * @param request - row in the request table
   * @param gapMs - time since its previous token
   */
  tokenReceived?(request: number, gapMs: number): void
  /** A backend finished a step. */
  stepCompleted?(backend: number, startMs: number, durationMs: number, step: StepShape): void
}
