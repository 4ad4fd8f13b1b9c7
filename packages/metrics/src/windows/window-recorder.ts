import type { BackendTotals } from '@routesim/core'
import { LogHistogram } from '../histogram/log-histogram.js'
import { addRuns, TokenGapRecorder } from '../histogram/token-gap-recorder.js'

/** Where a window of a run ends and the next begins. */
export interface WindowBorder {
  readonly atMs: number
  /** Totals since the beginning of the measured part. */
  readonly backends: readonly BackendTotals[]
}

/**
 * A `TokenGapRecorder` for a run with `windowStarts`: it notes what had happened by the end of each window,
 * for `summarizeWithoutEach`.
 */
export class WindowRecorder extends TokenGapRecorder {
  /** Gaps in the time of each window that has begun. */
  readonly windowGaps: LogHistogram[] = [new LogHistogram()]
  /** Of windows that have ended. */
  readonly borders: WindowBorder[] = []

  override tokenGaps(runs: Float64Array): void {
    super.tokenGaps(runs)
    addRuns(this.windowGaps.at(-1)!, runs)
  }

  windowStarted(atMs: number, backends: readonly BackendTotals[]): void {
    this.borders.push({ atMs, backends })
    this.windowGaps.push(new LogHistogram())
  }
}
