import { builtinCombinators } from '@routesim/algorithms'
import type { AlgorithmInfo } from './list-algorithms.js'

/** The built-in combinators, told as algorithms are. */
export function listCombinators(): AlgorithmInfo[] {
  return builtinCombinators.map(({ name, description, parameters, presets, manifest }) => ({
    name,
    description,
    ...manifest,
    parameters,
    presets,
  }))
}
