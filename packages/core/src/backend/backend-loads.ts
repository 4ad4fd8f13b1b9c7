/**
 * What a router may see of every backend's load, one column per figure: a scan over the fleet reads
 * arrays instead of asking objects. Each backend keeps its own entries up to date.
 */
export class BackendLoads {
  /** Requests not yet admitted. */
  readonly waiting: Int32Array
  /** Requests admitted and not finished. */
  readonly running: Int32Array
  /** Prompt tokens of requests dispatched there that have no first token yet. */
  readonly pendingPromptTokens: Float64Array

  constructor(backends: number) {
    this.waiting = new Int32Array(backends)
    this.running = new Int32Array(backends)
    this.pendingPromptTokens = new Float64Array(backends)
  }
}
