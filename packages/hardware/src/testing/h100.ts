import { findGpu } from '../gpus/find-gpu.js'
import type { RooflineOptions } from '../latency/roofline-options.js'
import { findModel } from '../models/find-model.js'

/** Llama 3.1 70B in bfloat16 on four H100. */
export const h100: RooflineOptions = {
  model: findModel('llama-3.1-70b'),
  gpu: findGpu('h100'),
  parallelism: { tp: 4, pp: 1, ep: 1 },
  precision: 'bf16',
  kvPrecision: 'bf16',
  hostMsPerRequest: 0.035,
  granularity: 'step',
}
