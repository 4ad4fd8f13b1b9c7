/** Whether a worker may get requests. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** When a {@link CircuitBreaker} opens, and for how long. */
export interface BreakerOptions {
  readonly failures: number
  readonly openMs: number
}

/**
 * Keeps requests away from a worker that fails: after some failures in a row for a time, then one request
 * is tried, and what becomes of it decides.
 */
export class CircuitBreaker {
  options: BreakerOptions
  private failuresInRow = 0
  private openUntilMs = Number.NEGATIVE_INFINITY
  private isOpen = false
  private isTrying = false

  constructor(options: BreakerOptions) {
    this.options = options
  }

  state(nowMs: number): BreakerState {
    if (!this.isOpen) return 'closed'
    return nowMs < this.openUntilMs ? 'open' : 'half_open'
  }

  /** Whether a request may be sent. */
  admits(nowMs: number): boolean {
    const state = this.state(nowMs)
    return state === 'closed' || (state === 'half_open' && !this.isTrying)
  }

  /** A request is sent. */
  sent(nowMs: number): void {
    if (this.state(nowMs) === 'half_open') this.isTrying = true
  }

  /** A request, or a look at its health, went well. */
  succeeded(): void {
    this.failuresInRow = 0
    this.isOpen = false
    this.isTrying = false
  }

  /** It did not. @returns whether that opened it */
  failed(nowMs: number): boolean {
    this.failuresInRow++
    this.isTrying = false
    if (!this.isOpen && this.failuresInRow < this.options.failures) return false
    const wasOpen = this.state(nowMs) === 'open'
    this.isOpen = true
    this.openUntilMs = nowMs + this.options.openMs
    return !wasOpen
  }

  /** A request ended without telling anything about the worker. */
  abandoned(): void {
    this.isTrying = false
  }
}
