import type { BackendSpec } from '../engine/simulation-options.js'
import type { BackendMeter } from './backend-meter.js'

/** What a backend tells the simulation while it works. */
export interface BackendListener {
  firstTokenProduced(request: number, backend: number): void
  requestFinished(request: number, backend: number): void
  /** The prompt of a disaggregated request is computed; its KV blocks stay held here. */
  prefillFinished(request: number): void
  /** A handed-over request has its blocks here; `tokens` tokens of KV must be fetched. */
  transferStarted(request: number, tokens: number): void
}

/**
 * One model replica: a queue, a batch, and engine steps. The reference implementation simulates every
 * step; anything faster must give the same results.
 */
export interface Backend {
  readonly id: number
  readonly spec: BackendSpec
  /** Requests not yet admitted. */
  readonly waiting: number
  /** Requests admitted and not finished. */
  readonly running: number
  /** Prompt tokens of requests dispatched here that have no first token yet. */
  readonly pendingPromptTokens: number
  /** True between the start and the end of a step. */
  readonly isStepping: boolean
  readonly meter: BackendMeter
  /** Time spent in steps up to now, in ms. */
  busyMs(nowMs: number): number
  /** Takes a request that is to be prefilled here. */
  enqueue(request: number, nowMs: number): void
  /** Takes a request whose prompt was computed elsewhere. */
  enqueueHandedOver(request: number, nowMs: number): void
  /** The KV cache of a handed-over request has arrived. */
  transferCompleted(request: number, nowMs: number): void
  /** Lets go of the KV blocks of a request that another backend has taken over. */
  releaseHandedOver(request: number, nowMs: number): void
  /**
   * Forms the next batch and starts a step.
   * @returns its duration in ms, 0 when there is nothing to do
   */
  startStep(nowMs: number): number
  completeStep(nowMs: number): void
}
