import { RouteSimError } from '@routesim/core'

/** What a fault was: of errors that are not RouteSim's own without their message, which might quote a request. */
export function faultName(error: unknown): string {
  if (error instanceof RouteSimError) return error.message
  if (!(error instanceof Error)) return typeof error
  const where = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return `${error.name} ${where?.trim() ?? ''}`
}
