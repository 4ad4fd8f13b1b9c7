import { findRouter, parseRouterSpec, unwrapSpec, wrapRouter } from '@routesim/algorithms'
import { type ConfiguredRouter, loadAlgorithm } from '@routesim/experiments'
import type { AlgorithmFactory } from './router-core.js'

export type { AlgorithmFactory } from './router-core.js'

/**
 * Makes instances of what a config names: a built-in algorithm or a file, perhaps in combinators, as in
 * simulations.
 *
 * @throws RouteSimError when it is unknown, or a parameter is
 */
export async function loadAlgorithmFactory(spec: string): Promise<AlgorithmFactory> {
  const choice = await loadAlgorithm(spec)
  const {
    definition,
    parameters,
    around = [],
  }: ConfiguredRouter = typeof choice === 'string'
    ? named(choice)
    : 'definition' in choice
      ? choice
      : { definition: choice }
  wrapRouter(definition.create(parameters), around)
  return Object.assign(() => definition.create(parameters), {
    wrap: (inner: ReturnType<AlgorithmFactory>) => wrapRouter(inner, around),
  })
}

function named(spec: string): ConfiguredRouter {
  const { router, around } = unwrapSpec(spec)
  const { name, parameters } = parseRouterSpec(router)
  return { definition: findRouter(name), parameters, around }
}
