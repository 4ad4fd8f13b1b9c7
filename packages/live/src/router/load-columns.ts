import type { BackendColumns } from '@routesim/core'
import type { LiveBackend } from './live-backend.js'

/** What routing algorithms see of the load of all workers, one column per figure, indexed by backend id. */
export class LoadColumns implements BackendColumns {
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly outstanding: Int32Array
  readonly pendingPromptTokens: Float64Array
  readonly sentSinceSample: Int32Array
  readonly maxQueueDepth: Float64Array
  /** Between two samples, in ms; 0 when workers are not asked. */
  metricsIntervalMs: number

  constructor(size: number, metricsIntervalMs: number) {
    this.metricsIntervalMs = metricsIntervalMs
    this.waiting = new Int32Array(size)
    this.running = new Int32Array(size)
    this.outstanding = new Int32Array(size)
    this.pendingPromptTokens = new Float64Array(size)
    this.sentSinceSample = new Int32Array(size)
    this.maxQueueDepth = new Float64Array(size)
  }

  /**
   * Brings the figures of a worker up to now. `outstanding` is always this router's own count; how many
   * wait and run is what the worker said last, or else, by that count, those without a first token and the
   * others. Of answers that come whole no first token is seen: they run as far as a batch has room.
   */
  update(backend: LiveBackend, nowMs: number, isExcluded: boolean): void {
    const { id, inFlight, beforeFirstToken, beforeWholeAnswer, maxNumSeqs } = backend
    const sample = backend.freshSample(nowMs)
    const answering = inFlight - beforeFirstToken
    const unseen = Math.min(beforeWholeAnswer, Math.max(0, maxNumSeqs - answering))
    this.outstanding[id] = inFlight
    this.waiting[id] = sample ? sample.waiting : beforeFirstToken - unseen
    this.running[id] = sample ? sample.running : answering + unseen
    this.sentSinceSample[id] = sample ? backend.dispatchedSinceSample : 0
    this.pendingPromptTokens[id] = backend.pendingTokens
    const mayServe = !isExcluded && backend.mayServe(nowMs)
    this.maxQueueDepth[id] = mayServe ? backend.maxQueueDepth : 0
  }
}
