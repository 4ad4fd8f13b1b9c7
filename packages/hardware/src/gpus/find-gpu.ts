import { findByName, haveLikeNumbers } from '../catalogue/find-by-name.js'
import type { Gpu } from './gpu.js'
import { GPUS } from './gpu-catalogue.js'

/** What drivers put before a name: `NVIDIA H200 NVL`. */
const VENDOR = /^\s*(nvidia|amd)[\s_-]+/i

/**
 * The GPU of a name or alias; case, spaces, `-`, `_` and the vendor before it make no difference.
 * @throws RouteSimError `gpu_unknown`, with a known name that begins so, or the nearest with its numbers
 *
 * @example
 * findGpu('h100_sxm').pricePerHourUsd // => 3.5
 */
export function findGpu(name: string): Gpu {
  return findByName(GPUS, name.replace(VENDOR, ''), 'GPU', 'gpu_unknown', haveLikeNumbers)
}
