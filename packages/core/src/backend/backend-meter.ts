import type { StepShape } from '../latency/latency-model.js'

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

/** Running totals of one backend, from which the measured part of a run is cut. */
export class BackendMeter {
  busyMs = 0
  steps = 0
  prefillTokens = 0
  decodeTokens = 0
  preemptions = 0
  private waitingRequestMs = 0
  private runningRequestMs = 0
  private sinceMs = 0

  /** Accounts for the time since the last call, during which the two numbers stood as given. */
  advance(nowMs: number, waiting: number, running: number): void {
    const elapsedMs = nowMs - this.sinceMs
    if (elapsedMs > 0) {
      this.waitingRequestMs += waiting * elapsedMs
      this.runningRequestMs += running * elapsedMs
      this.sinceMs = nowMs
    }
  }

  /** Books `steps` finished steps of one shape that took `durationMs` together. */
  add(durationMs: number, steps: number, shape: StepShape): void {
    this.busyMs += durationMs
    this.steps += steps
    this.prefillTokens += shape.prefillTokens * steps
    this.decodeTokens += shape.decodeRequests * steps
  }

  /** The totals, with what is under way: time spent in it, and steps of it that are done. */
  counters(busyMs = 0, steps = 0, shape?: StepShape): BackendCounters {
    return {
      busyMs: this.busyMs + busyMs,
      steps: this.steps + steps,
      prefillTokens: this.prefillTokens + (shape?.prefillTokens ?? 0) * steps,
      decodeTokens: this.decodeTokens + (shape?.decodeRequests ?? 0) * steps,
      preemptions: this.preemptions,
      waitingRequestMs: this.waitingRequestMs,
      runningRequestMs: this.runningRequestMs,
    }
  }
}
