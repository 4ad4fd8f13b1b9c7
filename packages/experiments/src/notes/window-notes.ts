import type { RequestTable } from '@routesim/core'
import { windowOf } from '@routesim/hardware'
import { resolveModel } from '../cluster/resolve-model.js'
import { blocksThatFit } from '../config/deployment-defaults.js'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ClusterConfig } from '../config/schema.js'

/** A note is worth it from so many times the KV blocks on. */
const WORTH_TELLING = 1.1

/**
 * Notes on KV caches that are counted as if layers with a sliding window kept the whole context, or a smaller part of
 * it than of the contexts of this traffic, which would leave room for clearly more blocks, or fewer.
 */
export function windowNotes(cluster: ClusterConfig, requests: RequestTable): string[] {
  const notes = (cluster.backends ?? [cluster]).map((group) => noteOn(group, requests))
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(group: DeploymentConfig, requests: RequestTable): string | undefined {
  const { model: name, kv_context_tokens: told, kv_cache_blocks: blocks } = group
  if (name === undefined) return undefined
  const model = resolveModel(name)
  const window = windowOf(model)
  if (window.layers === 0 || blocksThatFit(group, told ?? 1) !== blocks) return undefined
  const contextTokens = meanContext(requests)
  const fitting = blocksThatFit(group, contextTokens) ?? 0
  const mended = `kv_context_tokens = ${contextTokens}, the mean of this traffic`
  if (told === undefined && fitting >= WORTH_TELLING * blocks)
    return `KV caches of ${model.name} count as if all layers kept the whole context, though ${window.layers} of ${model.layers} keep ${window.tokens} tokens: ${mended}, would make them ${(fitting / blocks).toFixed(1)} times as large`
  if (told !== undefined && blocks >= WORTH_TELLING * fitting)
    return `KV caches of ${model.name} count as if ${window.layers} of ${model.layers} layers kept ${window.tokens} tokens of contexts of ${told}: they are ${(blocks / fitting).toFixed(1)} times as large as with ${mended}`
  return undefined
}

/** Tokens of a request and its answer, in the mean. */
function meanContext({ size, promptTokens, outputTokens }: RequestTable): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += promptTokens[i]! + outputTokens[i]!
  return Math.max(1, Math.round(sum / size))
}
