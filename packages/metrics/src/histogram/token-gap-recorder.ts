import type { Recorder } from '@routesim/core'
import { LogHistogram } from './log-histogram.js'

/**
 * Collects the times between consecutive output tokens (ITL, also called TBT, in ms) of the measured
 * requests of a run. Give it to the simulation as its recorder and its `gaps` to `summarize`.
 */
export class TokenGapRecorder implements Recorder {
  /** All gaps of all measured requests, pooled. */
  readonly gaps: LogHistogram = new LogHistogram()

  tokenGaps(runs: Float64Array): void {
    addRuns(this.gaps, runs)
  }
}

/** Adds runs of gaps as a `Recorder` gets them. */
export function addRuns(gaps: LogHistogram, runs: Float64Array): void {
  for (let i = 0; i < runs.length; i += 4) {
    gaps.addSeries(runs[i]!, runs[i + 1]!, runs[i + 2]!, runs[i + 3]!)
  }
}
