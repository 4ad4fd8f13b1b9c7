/**
 * Virtual time, one for a run. Whoever needs the time reads it here instead of being handed it: a number
 * that goes through a call which V8 does not inline is boxed, and one in a typed array never is.
 */
export class Clock {
  /**
   * Two numbers: {@link nowMs}, and the agent whose alarm is going off. Those after it have not come to this
   * instant yet; all have while no alarm does, and it is `Infinity`.
   */
  readonly time: Float64Array = Float64Array.of(0, Number.POSITIVE_INFINITY)

  /** Virtual time in ms. */
  get nowMs(): number {
    return this.time[0]!
  }

  /** Moves on to a time; never back. */
  reach(timeMs: number): void {
    if (timeMs > this.time[0]!) this.time[0] = timeMs
  }
}
