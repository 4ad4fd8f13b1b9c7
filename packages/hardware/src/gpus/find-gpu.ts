import { findByName } from '../catalogue/find-by-name.js'
import type { Gpu } from './gpu.js'
import { GPUS } from './gpu-catalogue.js'

/**
 * The GPU of a name or alias; case, spaces, `-` and `_` make no difference.
 * @throws RouteSimError `gpu_unknown`, with the nearest known name
 *
 * @example
 * findGpu('h100_sxm').pricePerHourUsd // => 3.5
 */
export function findGpu(name: string): Gpu {
  return findByName(GPUS, name, 'GPU', 'gpu_unknown')
}
