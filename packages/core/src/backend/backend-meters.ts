import type { Clock } from '../kernel/clock.js'
import type { FleetState } from './fast/fleet-state.js'

/** What one backend has done up to some time. */
export interface BackendCounters {
  readonly busyMs: number
  readonly steps: number
  readonly prefillTokens: number
  readonly decodeTokens: number
  readonly preemptions: number
  readonly waitingRequestMs: number
  readonly runningRequestMs: number
}

// Fields of a backend's record.
const BUSY_MS = 0
const STEPS = 1
const PREFILL_TOKENS = 2
const DECODE_TOKENS = 3
const PREEMPTIONS = 4
const WAITING_REQUEST_MS = 5
const RUNNING_REQUEST_MS = 6
const SINCE_MS = 7
const FIELDS = 8

/** Running totals of every backend, from which the measured part of a run is cut. */
export class BackendMeters {
  private readonly clock: Clock
  private readonly data: Float64Array

  constructor(backends: number, clock: Clock) {
    this.clock = clock
    this.data = new Float64Array(backends * FIELDS)
  }

  /** Accounts for the time since the last call, during which the two numbers stood as given. */
  advance(backend: number, waiting: number, running: number): void {
    const { data } = this
    const at = backend * FIELDS
    const { nowMs } = this.clock
    const elapsedMs = nowMs - data[at + SINCE_MS]!
    if (elapsedMs > 0) {
      data[at + WAITING_REQUEST_MS] = data[at + WAITING_REQUEST_MS]! + waiting * elapsedMs
      data[at + RUNNING_REQUEST_MS] = data[at + RUNNING_REQUEST_MS]! + running * elapsedMs
      data[at + SINCE_MS] = nowMs
    }
  }

  /** Books `steps` finished steps of one shape that took `durationMs` together. */
  add(
    backend: number,
    durationMs: number,
    steps: number,
    prefillTokens: number,
    decodeTokens: number,
  ): void {
    const { data } = this
    const at = backend * FIELDS
    data[at + BUSY_MS] = data[at + BUSY_MS]! + durationMs
    data[at + STEPS] = data[at + STEPS]! + steps
    data[at + PREFILL_TOKENS] = data[at + PREFILL_TOKENS]! + prefillTokens * steps
    data[at + DECODE_TOKENS] = data[at + DECODE_TOKENS]! + decodeTokens * steps
  }

  /** Books the first k steps of the stretch that ends now; of numbers handed over some would be boxed. */
  addStretch({ batches, time }: FleetState, backend: number, k: number): void {
    const { data } = this
    const at = backend * FIELDS
    const batch = batches[backend]!
    data[at + BUSY_MS] = data[at + BUSY_MS]! + (time[0]! - batch.startMs)
    data[at + STEPS] = data[at + STEPS]! + k
    data[at + PREFILL_TOKENS] = data[at + PREFILL_TOKENS]! + batch.prefillTokens * k
    data[at + DECODE_TOKENS] = data[at + DECODE_TOKENS]! + batch.decodeRequests * k
  }

  preempted(backend: number): void {
    const at = backend * FIELDS + PREEMPTIONS
    this.data[at] = this.data[at]! + 1
  }

  /** The totals, with what is under way: time spent in it, steps of it that are done, and their tokens. */
  counters(
    backend: number,
    busyMs = 0,
    steps = 0,
    prefillTokens = 0,
    decodeTokens = 0,
  ): BackendCounters {
    const { data } = this
    const at = backend * FIELDS
    return {
      busyMs: data[at + BUSY_MS]! + busyMs,
      steps: data[at + STEPS]! + steps,
      prefillTokens: data[at + PREFILL_TOKENS]! + prefillTokens * steps,
      decodeTokens: data[at + DECODE_TOKENS]! + decodeTokens * steps,
      preemptions: data[at + PREEMPTIONS]!,
      waitingRequestMs: data[at + WAITING_REQUEST_MS]!,
      runningRequestMs: data[at + RUNNING_REQUEST_MS]!,
    }
  }
}
