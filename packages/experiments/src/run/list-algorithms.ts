import { builtinRouters, type RouterDefinition, type RouterManifest } from '@routesim/algorithms'

/** What can be said of an algorithm without running it. */
export type AlgorithmInfo = Pick<
  RouterDefinition,
  'name' | 'description' | 'parameters' | 'presets'
> &
  RouterManifest

/** The built-in algorithms with what they observe, their parameters with defaults, and their presets. */
export function listAlgorithms(): AlgorithmInfo[] {
  return builtinRouters.map(({ name, description, parameters, presets, manifest }) => ({
    name,
    description,
    ...manifest,
    parameters,
    presets,
  }))
}
