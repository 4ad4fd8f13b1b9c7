import type { Recorder } from './recorder.js'

/** Runs of gaps kept until they are handed on. */
const RUNS = 1024
const FIELDS = 4

/**
 * Runs of gaps on their way to the recorder, many at a time: `[baseMs, slopeMs, steps, requests]` each.
 */
export class TokenGaps {
  readonly data: Float64Array = new Float64Array(RUNS * FIELDS)
  private readonly recorder: Recorder
  private used = 0

  constructor(recorder: Recorder) {
    this.recorder = recorder
  }

  /** Where the four numbers of one more run go in `data`. */
  next(): number {
    if (this.used === this.data.length) this.flush()
    const at = this.used
    this.used += FIELDS
    return at
  }

  /** One gap of one request. */
  addOne(gapMs: number): void {
    const at = this.next()
    this.data[at] = gapMs
    this.data[at + 1] = 0
    this.data[at + 2] = 1
    this.data[at + 3] = 1
  }

  /** Hands on what there is. */
  flush(): void {
    if (this.used > 0) this.recorder.tokenGaps?.(this.data.subarray(0, this.used))
    this.used = 0
  }
}
