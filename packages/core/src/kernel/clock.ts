/**
 * Virtual time, one for a run. Whoever needs the time reads it here instead of being handed it: a number
 * that goes through a call which V8 does not inline is boxed, and one in a typed array never is.
 */
export class Clock {
  /** One number: {@link nowMs}. */
  readonly time: Float64Array = new Float64Array(1)

  /** Virtual time in ms. */
  get nowMs(): number {
    return this.time[0]!
  }

  /** Moves on to a time; never back. */
  reach(timeMs: number): void {
    if (timeMs > this.time[0]!) this.time[0] = timeMs
  }
}
