/**
 * Exponential moving average, v := v + a (x - v); the first value is taken as it is. O(1).
 *
 * @example
 * const ema = new Ema(0.5)
 * ema.add(10)
 * ema.add(20)
 * ema.value // => 15
 */
export class Ema {
  private readonly weight: number
  private current: number | undefined

  /** @param weight - a, the share of the newest value, above 0 and at most 1 */
  constructor(weight: number) {
    this.weight = weight
  }

  /** The average, undefined before the first value. */
  get value(): number | undefined {
    return this.current
  }

  /** Takes a value in. */
  add(value: number): void {
    this.current =
      this.current === undefined ? value : this.current + this.weight * (value - this.current)
  }
}
