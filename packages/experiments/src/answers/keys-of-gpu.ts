import type { ConfigSource } from '../config/config-source.js'
import type { Config } from '../config/schema.js'
import { listed } from '../notes/listed.js'

/** Keys of `[cluster]` that hold for backends of one GPU type, and what stands in their place for others. */
const FACTS: Readonly<Record<string, string>> = {
  price_per_hour: 'the price of the catalogue',
  kv_cache_blocks: 'as many KV blocks as fit',
  'compute_model.link': 'the link of the GPU itself',
}
/** Keys that correct step times, as calibrate finds them with one GPU type, but that may well hold for others. */
const CORRECTIONS = ['matmul_scale', 'attention_scale', 'overhead_scale', 'communication_scale']

/** Keys of a config that say what is so of its backends, and not of those with another GPU or with more of them. */
export function keysOfGpu(source: ConfigSource): string[] {
  return Object.keys(FACTS).filter((key) => source.says(`cluster.${key}`))
}

/** Whether a backend has the GPUs of the config's. */
export function hasSameGpus(
  gpu: string,
  parameters: Readonly<Record<string, unknown>>,
  ofConfig: string,
  cluster: Config['cluster'],
): boolean {
  const degrees = ['tp', 'pp', 'dp'] as const
  return (
    gpu === ofConfig && degrees.every((key) => (parameters[key] ?? cluster[key]) === cluster[key])
  )
}

/**
 * Says which keys were left out, and which were not although they were found with one GPU type.
 * @param ofConfig - the GPU type of the config
 * @param others - those that are held against it
 */
export function notesOnGpuKeys(
  source: ConfigSource,
  ofConfig: string,
  others: readonly { readonly gpu: string; readonly without: readonly string[] }[],
): string[] {
  const corrections = CORRECTIONS.filter((key) => source.says(`cluster.compute_model.${key}`))
  const left = Object.keys(FACTS).flatMap((key) => {
    const names = others.filter(({ without }) => without.includes(key)).map(({ gpu }) => gpu)
    if (names.length === 0) return []
    const how = key.includes('.')
      ? ''
      : `; --gpus ${names[0]}${names[0]!.includes(':') ? ',' : ':'}${key}=... says another`
    return [
      `cluster.${key} is that of ${ofConfig}: ${listed(names)} ${names.length > 1 ? 'have' : 'has'} ${FACTS[key]}${how}`,
    ]
  })
  if (corrections.length === 0 || others.length === 0) return left
  const paths = listed(corrections.map((key) => `cluster.compute_model.${key}`))
  return [
    ...left,
    `${paths} ${corrections.length > 1 ? 'are' : 'is'} taken for ${listed(others.map(({ gpu }) => gpu))} as for ${ofConfig}, although calibrate finds such factors with one GPU type`,
  ]
}
