import type { Recorder } from '@routesim/core'
import { LogHistogram } from './log-histogram.js'

/**
 * Collects the times between consecutive output tokens (ITL, also called TBT, in ms) of the measured
 * requests of a run. Give it to the simulation as its recorder and its `gaps` to `summarize`.
 */
export class TokenGapRecorder implements Recorder {
  /** All gaps of all measured requests, pooled. */
  readonly gaps: LogHistogram = new LogHistogram()
  private readonly warmupRequests: number

  /** @param warmupRequests - leading rows of the request table that are not measured */
  constructor(warmupRequests: number) {
    this.warmupRequests = warmupRequests
  }

  tokenReceived(request: number, gapMs: number): void {
    if (request >= this.warmupRequests) this.gaps.add(gapMs)
  }
}
