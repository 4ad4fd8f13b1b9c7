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
        const factor = this.factorOf(all.prefillTokens, step.decodeRequests)
        if (factor !== undefined) return ms * factor
        const [own, others] = [this.answers, this.allAnswers]
        return this.scaled(ms, latency.sharedMs!(answersOf(step, own), answersOf(all, others)))
      }
    }
  }

  stepMs(step: StepShape): number {
    const { latency } = this
    const ms = latency.stepMs(step)
    const factor = this.factorOf(step.prefillTokens, step.decodeRequests)
    if (factor !== undefined) return ms * factor
    return this.scaled(ms, latency.stepMs(answersOf(step, this.answers)))
  }

  segment(step: StepShape, out: StepSegment): void {
    const { latency, costs, ofAnswers } = this
    latency.segment(step, out)
    const factor = this.factorOf(step.prefillTokens, step.decodeRequests)
    if (factor !== undefined) {
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

  /** Of a step with answers or prompts alone; undefined with both. */
  private factorOf(prefillTokens: number, decodeRequests: number): number | undefined {
    if (prefillTokens === 0) return this.costs.answers
    return decodeRequests === 0 ? this.costs.prompts : undefined
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
