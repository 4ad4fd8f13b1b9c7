import { findByName } from '../catalogue/find-by-name.js'
import { DENSE_MODELS } from './dense-models.js'
import { MIXTURE_MODELS } from './mixture-models.js'
import type { Model } from './model.js'

/** The models RouteSim knows, dense ones first. */
export const MODELS: readonly Model[] = [...DENSE_MODELS, ...MIXTURE_MODELS]

/**
 * The model of a name or alias; case, spaces, `-` and `_` make no difference.
 * @throws RouteSimError `model_unknown`, with the nearest known name
 *
 * @example
 * findModel('llama-3.1-70b').layers // => 80
 */
export function findModel(name: string): Model {
  return findByName(MODELS, name, 'model', 'model_unknown')
}
