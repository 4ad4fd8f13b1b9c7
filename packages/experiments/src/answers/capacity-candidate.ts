import { findGpu } from '@routesim/hardware'
import type { ConfigSource } from '../config/config-source.js'
import { parseSpec } from '../config/parse-spec.js'
import type { Config } from '../config/schema.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import { hasSameGpus, keysOfGpu, notesOnGpuKeys } from './keys-of-gpu.js'
import { searchInvalid } from './search-options.js'

/** A kind of fleet behind an algorithm whose capacity is sought. */
export interface Candidate {
  readonly choice: AlgorithmChoice
  /** The GPU type as asked for; undefined for that of the config. */
  readonly gpu: string | undefined
  /** Whether its backends have the GPUs of the config's. */
  readonly isSame: boolean
  /** Keys of `[cluster]` that hold for other GPUs than its own. */
  readonly without: readonly string[]
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
    return choices.map((choice) => ({
      ...{ choice, gpu: undefined, isSame: true, without: [], settings: {} },
    }))
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
  const ofConfig = gpuOf(cluster)
  const keys = keysOfGpu(source)
  return gpus.flatMap((spec) => {
    const kind = { path: 'gpus', named: 'GPU', code: 'search_invalid' } as const
    const { name, parameters } = parseSpec(spec, kind)
    const gpu = findGpu(name).name
    const isSame = hasSameGpus(gpu, parameters, ofConfig, cluster)
    const without = isSame ? [] : keys.filter((key) => !Object.hasOwn(parameters, key))
    const settings = {
      ...Object.fromEntries(without.map((key) => [`cluster.${key}`, undefined])),
      'cluster.gpu': gpu,
      ...Object.fromEntries(
        Object.entries(parameters).map(([key, value]) => [`cluster.${key}`, value]),
      ),
    }
    const told = spec.trim().replace(name, gpu)
    return choices.map((choice) => ({ choice, gpu: told, isSame, without, settings }))
  })
}

/** Says which keys of the config are not, or may not be, those of other GPUs. */
export function notesOnCandidates(all: readonly Candidate[], source: ConfigSource): string[] {
  const others = all.filter(({ choice, isSame }) => !isSame && choice === all[0]!.choice)
  const told = others.map(({ gpu, without }) => ({ gpu: gpu!, without }))
  return notesOnGpuKeys(source, gpuOf(source.config.cluster), told)
}

function gpuOf({ gpu, gpu_type }: Config['cluster']): string {
  return findGpu(gpu ?? gpu_type).name
}
