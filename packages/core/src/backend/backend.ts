import type { Recorder } from '../engine/recorder.js'
import type { BackendSpec } from '../engine/simulation-options.js'
import type { KvCache } from '../kv-cache/kv-cache.js'
import type { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import type { BackendLoads } from './backend-loads.js'
import type { BackendCounters } from './backend-meter.js'

/** What a backend tells the simulation while it works. */
export interface BackendListener {
  firstTokenProduced(request: number, backend: number): void
  requestFinished(request: number, backend: number): void
  /** The prompt of a disaggregated request is computed; its KV blocks stay held here. */
  prefillFinished(request: number): void
  /** A handed-over request has its blocks here; `tokens` tokens of KV must be fetched. */
  transferStarted(request: number, tokens: number): void
}

/** What all backends of a run share. */
export interface BackendContext {
  readonly requests: RequestTable
  readonly progress: RequestProgress
  readonly kv: KvCache
  readonly loads: BackendLoads
  readonly listener: BackendListener
  readonly recorder: Recorder
  /** First row of the request table that is measured. */
  readonly measuredFrom: number
}

/**
 * One model replica: a queue, a batch, and engine steps. The reference implementation simulates every
 * step; anything faster must give the same results.
 */
export interface Backend {
  readonly id: number
  readonly spec: BackendSpec

  /** When `completeStep` is due, in ms; NaN between steps. */
  readonly endMs: number
  /** What it has done up to now. */
  counters(nowMs: number): BackendCounters
  /** Takes a request that is to be prefilled here. */
  enqueue(request: number, nowMs: number): void
  /** Takes a request whose prompt was computed elsewhere. */
  enqueueHandedOver(request: number, nowMs: number): void
  /** The KV cache of a handed-over request has arrived. */
  transferCompleted(request: number, nowMs: number): void
  /** Lets go of the KV blocks of a request that another backend has taken over. */
  releaseHandedOver(request: number, nowMs: number): void
  /** Forms the next batch and starts a step, or several; does nothing when there is nothing to do. */
  startStep(nowMs: number): void
  completeStep(nowMs: number): void
  /** Something came up while several steps were under way: ends with the present one if that matters. */
  interrupt(nowMs: number): void
  /** Brings what others can see of the KV cache up to now. */
  sync(nowMs: number): void
}
