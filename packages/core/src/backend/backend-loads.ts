import type { NativeColumns } from '../native/native-columns.js'
import type { BackendColumns } from '../routing/cluster-view.js'

/** Columns of which nothing is left when all requests have ended. */
export const COUNTED_COLUMNS: readonly Exclude<keyof BackendColumns, 'maxQueueDepth'>[] = [
  'waiting',
  'running',
  'outstanding',
  'pendingPromptTokens',
  'sentSinceSample',
]

/** The {@link BackendColumns} of a run; the fleet keeps them up to date. */
export class BackendLoads implements BackendColumns {
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly outstanding: Int32Array
  readonly pendingPromptTokens: Float64Array
  /** Nobody samples the truth. */
  readonly sentSinceSample: Int32Array
  readonly maxQueueDepth: Float64Array

  /** @param native - columns that the native engine writes */
  constructor(maxQueueDepth: Float64Array, native?: NativeColumns) {
    const backends = maxQueueDepth.length
    this.waiting = native?.waiting ?? new Int32Array(backends)
    this.running = native?.running ?? new Int32Array(backends)
    this.outstanding = native?.outstanding ?? new Int32Array(backends)
    this.pendingPromptTokens = native?.pendingPromptTokens ?? new Float64Array(backends)
    this.sentSinceSample = new Int32Array(backends)
    this.maxQueueDepth = maxQueueDepth
  }
}
