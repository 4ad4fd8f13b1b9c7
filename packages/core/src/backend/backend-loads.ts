import type { BackendColumns } from '../routing/cluster-view.js'

/** The {@link BackendColumns} of a run; the fleet keeps them up to date. */
export class BackendLoads implements BackendColumns {
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly outstanding: Int32Array
  readonly pendingPromptTokens: Float64Array
  /** Nobody samples the truth. */
  readonly sentSinceSample: Int32Array
  readonly maxQueueDepth: Float64Array

  constructor(maxQueueDepth: Float64Array) {
    const backends = maxQueueDepth.length
    this.waiting = new Int32Array(backends)
    this.running = new Int32Array(backends)
    this.outstanding = new Int32Array(backends)
    this.pendingPromptTokens = new Float64Array(backends)
    this.sentSinceSample = new Int32Array(backends)
    this.maxQueueDepth = maxQueueDepth
  }
}
