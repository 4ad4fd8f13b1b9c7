import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import { refuseParameter } from './refuse-parameter.js'

/** Parameters of {@link piecewiseLatency}: the `compute_model` of the original RouteSim. */
export interface PiecewiseLatencyOptions {
  /** Prompt tokens computed per second, greater than 0. */
  readonly prefillTokensPerSec: number
  /** Output tokens per second of a request that decodes alone, greater than 0. */
  readonly decodeTokensPerSecBatch1: number
  /** Batch from which the throughput grows no more, an integer of at least 1. */
  readonly decodeThroughputSaturationBatch: number
  /**
   * Output tokens per second of a whole saturated batch, greater than 0. Above the batch-1 rate times
   * the saturation batch, larger batches would make steps shorter.
   */
  readonly decodeTokensPerSecSaturated: number
}

/**
 * Step times from measured throughputs. A batch of b decodes takes b / thr(b) seconds, where thr
 * grows linearly from the batch-1 rate at b = 1 to the saturated rate at the saturation batch and
 * is flat from there on; n prompt tokens take n / rate seconds; a step that does both takes the
 * sum. The formulas are those of the original RouteSim (InfraWhisperer, commit 65e0004), without
 * its rounding to whole ms. The length of the context makes no difference.
 * @throws RouteSimError `latency_invalid`
 */
export function piecewiseLatency(options: PiecewiseLatencyOptions): LatencyModel {
  check(options)
  const saturationBatch = options.decodeThroughputSaturationBatch
  const saturatedRate = options.decodeTokensPerSecSaturated
  const firstRate = saturationBatch === 1 ? saturatedRate : options.decodeTokensPerSecBatch1
  const ratePerRequest =
    saturationBatch === 1 ? 0 : (saturatedRate - firstRate) / (saturationBatch - 1)

  // Writes its result instead of returning it: the engine asks once for every stretch of steps, and V8
  // boxes numbers that are returned.
  function segment(step: StepShape, out: StepSegment): void {
    const batch = step.decodeRequests
    const prefillMs = (step.prefillTokens / options.prefillTokensPerSec) * 1000
    out.slopeMs = 0
    out.steps = Number.POSITIVE_INFINITY
    if (batch === 0) {
      out.baseMs = prefillMs
      return
    }
    const rate = batch >= saturationBatch ? saturatedRate : firstRate + ratePerRequest * (batch - 1)
    out.baseMs = prefillMs + (batch / rate) * 1000
  }

  const one: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }
  return {
    name: 'piecewise',
    stepMs(step: StepShape): number {
      segment(step, one)
      return one.baseMs
    },
    segment,
  }
}

function check(options: PiecewiseLatencyOptions): void {
  const rates = [
    'prefillTokensPerSec',
    'decodeTokensPerSecBatch1',
    'decodeTokensPerSecSaturated',
  ] as const
  for (const name of rates) {
    const value = options[name]
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
      refuseParameter(name, 'a finite number > 0', value)
    }
  }
  const batch = options.decodeThroughputSaturationBatch
  if (!(Number.isInteger(batch) && batch >= 1)) {
    refuseParameter('decodeThroughputSaturationBatch', 'an integer >= 1', batch)
  }
}
