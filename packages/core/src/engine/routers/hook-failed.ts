import type { RouteSimError } from '../../errors/routesim-error.js'
import { thrownBy } from '../../errors/thrown-by.js'
import type { RoutingAlgorithm } from '../../routing/routing-algorithm.js'

/**
 * What a router threw, under the name of the router, of the function that threw, and of the request it was called for.
 * @param request - undefined where it was called for none
 */
export function hookFailed(
  router: string,
  hook: keyof RoutingAlgorithm,
  request: number | undefined,
  cause: unknown,
): RouteSimError {
  const place = request === undefined ? `${hook}()` : `${hook}() for request ${request}`
  return thrownBy({ kind: 'router', name: router }, place, cause)
}
