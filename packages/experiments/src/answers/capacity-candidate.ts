import { findGpu } from '@routesim/hardware'
import type { ConfigSource } from '../config/config-source.js'
import { parseSpec } from '../config/parse-spec.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import { searchInvalid } from './search-options.js'

/** A kind of fleet behind an algorithm whose capacity is sought. */
export interface Candidate {
  readonly choice: AlgorithmChoice
  /** The GPU type as asked for; undefined for that of the config. */
  readonly gpu: string | undefined
  /** Config values that make it. */
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * Every algorithm behind every GPU type.
 *
 * @param gpus - names, perhaps with keys of `[cluster]`, such as `L40S:tp=2`
 * @throws RouteSimError `gpu_unknown`, `search_invalid`
 */
export function candidatesOf(
  choices: readonly AlgorithmChoice[],
  gpus: readonly string[] | undefined,
  source: ConfigSource,
): Candidate[] {
  if (gpus === undefined) {
    return choices.map((choice) => ({ choice, gpu: undefined, settings: {} }))
  }
  const { cluster } = source.config
  if (!source.isWritten || cluster.model === undefined || cluster.backends !== undefined) {
    throw searchInvalid(
      'gpus',
      'a config that says cluster.model, from which the step times of each GPU follow, and no [[cluster.backends]]',
      source.path ?? (source.isWritten ? 'one without' : 'one that parseConfig did not make'),
      'Give cluster.model = "llama-3.1-8b" or the like, and leave compute_model and kv_cache_blocks out.',
    )
  }
  if (cluster.compute_model.kind !== 'roofline') {
    throw searchInvalid(
      'gpus',
      'step times that follow from the GPU (compute_model.kind "roofline")',
      `"${cluster.compute_model.kind}"`,
    )
  }
  if (gpus.length === 0) throw searchInvalid('gpus', 'at least one GPU type', 'none')
  return gpus.flatMap((spec) => {
    const kind = { path: 'gpus', named: 'GPU', code: 'search_invalid' } as const
    const { name, parameters } = parseSpec(spec, kind)
    const gpu = findGpu(name).name
    const own = Object.entries(parameters).map(([key, value]) => [`cluster.${key}`, value])
    const settings = { 'cluster.gpu': gpu, ...Object.fromEntries(own) }
    return choices.map((choice) => ({ choice, gpu: spec.trim().replace(name, gpu), settings }))
  })
}
