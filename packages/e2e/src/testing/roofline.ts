import type { LatencyModel } from '@routesim/core'
import { findGpu, findModel, rooflineLatency } from '@routesim/hardware'

/** The roofline of a model on two GPUs, in bf16. */
export function roofline(
  model: string,
  gpu: string,
  granularity: 'step' | 'operator',
): LatencyModel {
  return rooflineLatency({
    model: findModel(model),
    gpu: findGpu(gpu),
    parallelism: { tp: 2, pp: 1, ep: 1 },
    precision: 'bf16',
    kvPrecision: 'bf16',
    hostMsPerRequest: 0.035,
    granularity,
  })
}
