import { isEarlier } from '../kernel/instant.js'

/**
 * Consecutive steps of an unchanged batch: step i (from 0) lasts `baseMs + i * slopeMs`, so the first k
 * of them last k·base + slope·k(k-1)/2.
 */
export class Stretch {
  startMs = 0
  baseMs = 0
  slopeMs = 0
  /** Steps in the stretch. */
  steps = 0

  /** When the first k steps are over. */
  endOf(k: number): number {
    return this.startMs + (k * this.baseMs + this.slopeMs * ((k * (k - 1)) / 2))
  }

  /**
   * The smallest k >= 1 whose end is not earlier than a time: the step under way, its end included.
   * @param guess - a first estimate, which only costs time if it is wrong
   */
  stepUnderWay(timeMs: number, guess: number = this.estimate(timeMs)): number {
    let k = Math.min(Math.max(1, guess), this.steps)
    while (k < this.steps && isEarlier(this.endOf(k), timeMs)) k++
    while (k > 1 && !isEarlier(this.endOf(k - 1), timeMs)) k--
    return k
  }

  /** How many steps are over at a time, given the step under way. */
  stepsOver(timeMs: number, underWay: number): number {
    return isEarlier(timeMs, this.endOf(underWay)) ? underWay - 1 : underWay
  }

  /** The root of the quadratic in the form that does not cancel when the slope is small. */
  private estimate(timeMs: number): number {
    const elapsed = timeMs - this.startMs
    const half = this.baseMs - this.slopeMs / 2
    const root = Math.ceil(
      (2 * elapsed) / (half + Math.sqrt(half * half + 2 * this.slopeMs * elapsed)),
    )
    return Number.isFinite(root) ? root : 1
  }
}
