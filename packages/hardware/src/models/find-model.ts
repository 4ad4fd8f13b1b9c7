import { entryNamed, findByName, haveLikeNumbers } from '../catalogue/find-by-name.js'
import { DENSE_MODELS } from './dense-models.js'
import { MIXTURE_MODELS } from './mixture-models.js'
import type { Model } from './model.js'

/** The models RouteSim knows, dense ones first. */
export const MODELS: readonly Model[] = [...DENSE_MODELS, ...MIXTURE_MODELS]

/** Who published a checkpoint. */
const OWNER = /^[^/.][^/]*\//
/** Trained further: the same layers. */
const TUNED = /[-_](instruct|chat|it|base|hf)$/i
/** Numbers in a name that tell of the weights alone. */
const QUANTISED = /[-_](nvfp4|mxfp4|fp\d+|bf16|int\d+|w\d+a\d+)(?=[-_]|$)/gi

/**
 * The model of a name or alias; case, spaces, `-` and `_` make no difference. Nor does the owner of a repository, nor
 * that a checkpoint was tuned (`-Instruct`, `-Chat`, `-it`), where the catalogue does not tell them apart.
 * @throws RouteSimError `model_unknown`, with a known name that begins so, or the nearest with its numbers
 *
 * @example
 * findModel('llama-3.1-70b').layers // => 80
 */
export function findModel(name: string): Model {
  for (let bare = name.trim(); ; bare = bare.replace(TUNED, '')) {
    const known = entryNamed(MODELS, bare) ?? entryNamed(MODELS, bare.replace(OWNER, ''))
    if (known !== undefined) return known
    if (!TUNED.test(bare)) break
  }
  return findByName(MODELS, name, 'model', 'model_unknown', (wanted, other) =>
    haveLikeNumbers(wanted.replace(QUANTISED, ''), other.replace(QUANTISED, '')),
  )
}
