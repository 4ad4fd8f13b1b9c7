import { findRouter, parseRouterSpec } from '@routesim/algorithms'
import { loadAlgorithm } from '@routesim/experiments'
import type { AlgorithmFactory } from './router-core.js'

export type { AlgorithmFactory } from './router-core.js'

/**
 * Makes instances of what a config names: a built-in algorithm or a file, as in simulations.
 *
 * @throws RouteSimError when it is unknown, or a parameter is
 */
export async function loadAlgorithmFactory(spec: string): Promise<AlgorithmFactory> {
  const choice = await loadAlgorithm(spec)
  const { definition, parameters } =
    typeof choice === 'string'
      ? named(choice)
      : 'definition' in choice
        ? { definition: choice.definition, parameters: choice.parameters ?? {} }
        : { definition: choice, parameters: {} }
  definition.create(parameters)
  return () => definition.create(parameters)
}

function named(spec: string) {
  const { name, parameters } = parseRouterSpec(spec)
  return { definition: findRouter(name), parameters }
}
