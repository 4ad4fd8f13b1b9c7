import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'

/** Refuses a parameter of a latency model, saying what was expected of it. */
export function refuseParameter(name: string, expected: string, value: number | string): never {
  throw new RouteSimError<HardwareErrorCode>(`${name}: expected ${expected}, got ${value}`, {
    code: 'latency_invalid',
    path: name,
  })
}
