import { RouteSimError } from '../../errors/routesim-error.js'
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

/**
 * Refuses what an async hook gives back: what it does later would find another time, and nobody would hear of its errors.
 * @param expected - what it is to give back
 * @throws RouteSimError `router_failed` when it is a promise
 */
export function heardAtOnce(answer: unknown, expected = 'nothing back'): void {
  if (!(answer instanceof Promise)) return
  // The simulation ends with this error, and not with that of the promise.
  answer.catch(() => {})
  throw new RouteSimError(`expected ${expected}, got a promise`, {
    code: 'router_failed',
    hint: 'Do it at once: in a simulation no hook can be async.',
  })
}
