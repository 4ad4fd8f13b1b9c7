import { builtinRouters, type RouterDefinition } from '@routesim/algorithms'

/** What can be said of an algorithm without running it. */
export type AlgorithmInfo = Pick<RouterDefinition, 'name' | 'description' | 'parameters'>

/** The built-in algorithms with their parameters and defaults. */
export function listAlgorithms(): AlgorithmInfo[] {
  return builtinRouters.map(({ name, description, parameters }) => ({
    name,
    description,
    parameters,
  }))
}
