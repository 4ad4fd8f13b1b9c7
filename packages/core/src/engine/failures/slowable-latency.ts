import type { LatencyModel, StepSegment, StepShape } from '../../latency/latency-model.js'

/** A latency model whose steps may come to take longer while a run is going on. */
export class SlowableLatency implements LatencyModel {
  readonly name: string
  readonly readsSharedOnce: boolean
  /** How many times as long steps take. */
  factor = 1
  readonly sharedMs?: (step: StepShape, all: StepShape) => number
  private readonly latency: LatencyModel

  constructor(latency: LatencyModel) {
    this.name = latency.name
    this.readsSharedOnce = latency.readsSharedOnce === true
    this.latency = latency
    if (latency.sharedMs !== undefined)
      this.sharedMs = (step, all) => latency.sharedMs!(step, all) * this.factor
  }

  stepMs(step: StepShape): number {
    return this.latency.stepMs(step) * this.factor
  }

  segment(step: StepShape, out: StepSegment): void {
    this.latency.segment(step, out)
    out.baseMs *= this.factor
    out.slopeMs *= this.factor
  }
}
