import type { RequestTable } from '@routesim/core'
import { windowOf } from '@routesim/hardware'
import { resolveModel } from '../cluster/resolve-model.js'
import { blocksThatFit } from '../config/deployment-defaults.js'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ClusterConfig } from '../config/schema.js'

/** A note is worth it from so many times the KV blocks on. */
const WORTH_TELLING = 1.1

/**
 * Notes on KV caches that are counted as if layers with a sliding window kept the whole context, where the
 * contexts of this traffic would leave room for clearly more blocks.
 */
export function windowNotes(cluster: ClusterConfig, requests: RequestTable): string[] {
  const notes = (cluster.backends ?? [cluster]).map((group) => noteOn(group, requests))
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(group: DeploymentConfig, requests: RequestTable): string | undefined {
  if (group.model === undefined || group.kv_context_tokens !== undefined) return undefined
  const model = resolveModel(group.model)
  const window = windowOf(model)
  if (window.layers === 0 || blocksThatFit(group, 1) !== group.kv_cache_blocks) return undefined
  const contextTokens = meanContext(requests)
  const times = (blocksThatFit(group, contextTokens) ?? 0) / group.kv_cache_blocks
  if (!(times >= WORTH_TELLING)) return undefined
  return `KV caches of ${model.name} count as if all layers kept the whole context, though ${window.layers} of ${model.layers} keep ${window.tokens} tokens: kv_context_tokens = ${contextTokens}, the mean of this traffic, would make them ${times.toFixed(1)} times as large`
}

/** Tokens of a request and its answer, in the mean. */
function meanContext({ size, promptTokens, outputTokens }: RequestTable): number {
  let sum = 0
  for (let i = 0; i < size; i++) sum += promptTokens[i]! + outputTokens[i]!
  return Math.max(1, Math.round(sum / size))
}
