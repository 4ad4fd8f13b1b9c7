import { closestName, RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
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
  const wanted = fold(name)
  const known = GPUS.find((gpu) => namesOf(gpu).some((other) => fold(other) === wanted))
  if (known !== undefined) return known
  const nearest = closestName(name, GPUS.flatMap(namesOf))
  const meant = GPUS.find((gpu) => nearest !== undefined && namesOf(gpu).includes(nearest))
  const suggestion = meant === undefined ? '' : `: did you mean "${meant.name}"?`
  throw new RouteSimError<HardwareErrorCode>(
    `unknown GPU "${name}"${suggestion || '.'} Known: ${GPUS.map((gpu) => gpu.name).join(', ')}`,
    { code: 'gpu_unknown' },
  )
}

function namesOf(gpu: Gpu): string[] {
  return [gpu.name, ...gpu.aliases]
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}
