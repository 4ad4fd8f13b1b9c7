import { fileURLToPath } from 'node:url'
import { RouteSimError, userPlaceOf } from '@routesim/core'

/** Where RouteSim's own packages are, in a checkout or among the dependencies of a project. */
const OWN_PACKAGES = fileURLToPath(new URL('../..', import.meta.url))

/**
 * What a fault was, and where in a user's own file it came about. Of errors from elsewhere that are not RouteSim's own
 * without their message, which might quote a request.
 */
export function faultName(error: unknown): string {
  const place = userPlaceOf(error, { ownFolder: OWN_PACKAGES, pathOf: fileURLToPath })
  const at = place === undefined ? '' : ` (${place})`
  if (error instanceof RouteSimError) return `${error.message}${at}`
  if (!(error instanceof Error)) return typeof error
  // Routers see no text of prompts.
  if (place !== undefined) return `${error}${at}`
  const where = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return `${error.name} ${where?.trim() ?? ''}`
}
