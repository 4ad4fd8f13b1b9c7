import { windowOf } from '@routesim/hardware'
import { resolveModel } from '../cluster/resolve-model.js'
import { blocksThatFit } from '../config/deployment-defaults.js'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { ClusterConfig } from '../config/schema.js'

/**
 * Notes on backends whose `max_model_len` is more than their KV cache holds: vLLM does not start like that, as what it
 * takes could never be served (`_check_enough_kv_cache_memory` in vllm/v1/core/kv_cache_utils.py).
 */
export function lengthNotes(cluster: ClusterConfig): string[] {
  const notes = (cluster.backends ?? [cluster]).map(noteOn)
  return [...new Set(notes)].filter((note) => note !== undefined)
}

function noteOn(group: DeploymentConfig): string | undefined {
  const { engine = 'vllm', max_model_len: length } = group
  if (length === undefined || engine !== 'vllm') return undefined
  const holds = blocksFor(group, length) * group.kv_block_size
  if (length <= holds) return undefined
  return `max_model_len = ${length} is more than the ${holds} tokens that a KV cache holds: vLLM does not start like that, here requests of more are rejected one by one`
}

/** KV blocks of a backend, by one request of so many tokens where windows make room for more of those. */
function blocksFor(group: DeploymentConfig, tokens: number): number {
  const { model, kv_cache_blocks: blocks, kv_context_tokens: counted = 1 } = group
  const hasWindow = model !== undefined && windowOf(resolveModel(model)).layers > 0
  if (!hasWindow || blocksThatFit(group, counted) !== blocks) return blocks
  return blocksThatFit(group, tokens) ?? blocks
}
