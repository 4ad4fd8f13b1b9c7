import type { Recorder } from '@routesim/core'
import { LogHistogram } from './log-histogram.js'

/**
 * Collects the times between consecutive output tokens (ITL, also called TBT, in ms) of the measured
 * requests of a run. Give it to the simulation as its recorder and its `gaps` to `summarize`.
 */
export class TokenGapRecorder implements Recorder {
  /** All gaps of all measured requests, pooled. */
  readonly gaps: LogHistogram = new LogHistogram()

  tokenGaps(baseMs: number, slopeMs: number, steps: number, requests: number): void {
    this.gaps.addSeries(baseMs, slopeMs, steps, requests)
  }
}
