import { type RouteSimError, type RoutingAlgorithm, thrownBy } from '@routesim/core'
import type { LiveRequest } from './live-request.js'

/** What a hook threw, under the names of the algorithm and the hook, as in simulations. */
export function hookFailed(
  { name }: RoutingAlgorithm,
  hook: keyof RoutingAlgorithm,
  request: LiveRequest | undefined,
  cause: unknown,
): RouteSimError {
  const place = request === undefined ? `${hook}()` : `${hook}() for request ${request.id}`
  return thrownBy({ kind: 'router', name }, place, cause)
}
