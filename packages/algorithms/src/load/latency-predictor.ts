import type { RandomStream } from '@routesim/core'

/**
 * Learns a latency in ms as a straight line of one quantity, such as uncached tokens, from what was
 * observed: least squares in which older observations fade. It can be made worse on purpose, by a relative
 * error, to see what a policy needs of a predictor.
 *
 * `observe` and `predict` are O(1).
 */
export class LatencyPredictor {
  private readonly memory: number
  private readonly relativeError: number
  private n = 0
  private meanX = 0
  private meanY = 0
  private varianceX = 0
  private covariance = 0

  /**
   * @param memory - share of its weight that an observation keeps when the next comes, above 0 and at most 1
   * @param relativeError - standard deviation of the error, relative to the prediction; 0 for none
   */
  constructor(memory: number, relativeError: number) {
    this.memory = memory
    this.relativeError = relativeError
  }

  /** Observations so far, each by the weight it has left. */
  get weight(): number {
    return this.n
  }

  /** Learns from one observation. */
  observe(x: number, latencyMs: number): void {
    // West's update of weighted mean and covariance (Communications of the ACM 22(9), 1979).
    this.n = this.n * this.memory + 1
    const dx = x - this.meanX
    const dy = latencyMs - this.meanY
    this.meanX += dx / this.n
    this.meanY += dy / this.n
    this.varianceX = this.varianceX * this.memory + dx * (x - this.meanX)
    this.covariance = this.covariance * this.memory + dx * (latencyMs - this.meanY)
  }

  /** What the line says, never below 0; 0 before anything was observed. Draws only when there is an error. */
  predict(x: number, random: RandomStream): number {
    const slope = this.varianceX > 0 ? this.covariance / this.varianceX : 0
    const exact = Math.max(0, this.meanY + slope * (x - this.meanX))
    if (this.relativeError === 0) return exact
    return Math.max(0, exact * (1 + this.relativeError * random.normal()))
  }
}
