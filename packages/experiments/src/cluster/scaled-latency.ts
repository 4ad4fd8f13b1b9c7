import { EMPTY_STEP, type LatencyModel, type StepSegment, type StepShape } from '@routesim/core'

/** Factors on what a step takes for prompts and for answers. */
export interface StepCosts {
  readonly prompts: number
  readonly answers: number
}

/**
 * Step times at other costs, whatever the model: a step costs `answers` times what it would take without its
 * prompts, and `prompts` times the rest. So prompts alone take `prompts` times as long, answers alone `answers`
 * times, and what both share (weights read, kernels launched) is paid by the answers.
 */
export function scaledLatency(latency: LatencyModel, costs: StepCosts): LatencyModel {
  return new ScaledLatency(latency, costs)
}

class ScaledLatency implements LatencyModel {
  readonly name: string
  readonly readsSharedOnce: boolean
  readonly sharedMs?: (step: StepShape, all: StepShape) => number
  private readonly latency: LatencyModel
  private readonly costs: StepCosts
  private readonly answers: StepShape = { ...EMPTY_STEP }
  private readonly allAnswers: StepShape = { ...EMPTY_STEP }
  private readonly ofAnswers: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }

  constructor(latency: LatencyModel, costs: StepCosts) {
    this.name = latency.name
    this.readsSharedOnce = latency.readsSharedOnce === true
    this.latency = latency
    this.costs = costs
    if (latency.sharedMs !== undefined) {
      this.sharedMs = (step, all) => {
        const ms = latency.sharedMs!(step, all)
        if (all.prefillTokens === 0) return ms * costs.answers
        if (step.decodeRequests === 0) return ms * costs.prompts
        const [own, others] = [this.answers, this.allAnswers]
        return this.scaled(ms, latency.sharedMs!(answersOf(step, own), answersOf(all, others)))
      }
    }
  }

  stepMs(step: StepShape): number {
    const { latency, costs } = this
    const ms = latency.stepMs(step)
    if (step.prefillTokens === 0) return ms * costs.answers
    if (step.decodeRequests === 0) return ms * costs.prompts
    return this.scaled(ms, latency.stepMs(answersOf(step, this.answers)))
  }

  segment(step: StepShape, out: StepSegment): void {
    const { latency, costs, ofAnswers } = this
    latency.segment(step, out)
    if (step.prefillTokens === 0 || step.decodeRequests === 0) {
      const factor = step.prefillTokens === 0 ? costs.answers : costs.prompts
      out.baseMs *= factor
      out.slopeMs *= factor
      return
    }
    latency.segment(answersOf(step, this.answers), ofAnswers)
    const moreMsPerStep = out.slopeMs - ofAnswers.slopeMs
    // Where prompts seem to take less than no time, the stretch may have a knot at which they begin to take some.
    const isStraight = out.baseMs >= ofAnswers.baseMs && moreMsPerStep >= 0
    out.steps = isStraight ? Math.min(out.steps, ofAnswers.steps) : 1
    out.baseMs = this.scaled(out.baseMs, ofAnswers.baseMs)
    out.slopeMs = costs.answers * ofAnswers.slopeMs + costs.prompts * moreMsPerStep
  }

  private scaled(ms: number, ofAnswersMs: number): number {
    const { prompts, answers } = this.costs
    return answers * Math.min(ms, ofAnswersMs) + prompts * Math.max(0, ms - ofAnswersMs)
  }
}

/** The step without its prompts, written to `out`. */
function answersOf(step: StepShape, out: StepShape): StepShape {
  out.decodeRequests = step.decodeRequests
  out.decodeContextTokens = step.decodeContextTokens
  out.decodeSharedTokens = step.decodeSharedTokens ?? 0
  return out
}
