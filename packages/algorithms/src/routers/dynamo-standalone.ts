import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * max of 2 o - u - q: o the share of the prompt that the backend holds, u its KV usage, q its waiting
 * requests relative to the most that any backend has (0 when none has any). KV usage and waiting requests
 * are read every `poll_ms`; in between, each decision adds one to its backend's waiting. Ties follow `ties`.
 *
 * Source: ai-dynamo/dynamo, examples/deployments/router_standalone at 87b3938f; its router.py as in the
 * fork wxsms/dynamo. O(backends) and one prefix match.
 */
export const dynamoStandalone: RouterDefinition = defineRouter({
  name: 'dynamo_standalone',
  description:
    'Weighs the cached share of the prompt, twice, against KV usage and the relative queue length.',
  observes: ['kv cache contents', 'kv usage', 'queue lengths', 'time'],
  rule: 'Highest 2 x cached share - KV usage - waiting / most waiting. Load is read every poll_ms; each decision in between adds one waiting request of its own.',
  terms: {
    cached_share: 'Cached share of the prompt.',
    kv_usage: 'KV usage when it was last read.',
    relative_queue: 'Waiting requests relative to the most of any.',
  },
  wins: 'Prompts share prefixes and load is moderate.',
  loses:
    'Bursts fall within one poll, or queues are long everywhere, so that their differences vanish.',
  source: 'ai-dynamo/dynamo, examples/deployments/router_standalone/router.py',
  parameters: {
    overlap_weight: { default: 2, min: 0, description: 'Weight of the cached share.' },
    poll_ms: {
      default: 100,
      min: 0,
      description: 'Interval at which load is read; 0 reads it for every request.',
    },
    ties: tiesParameter,
  },
  presets: {
    standalone: {
      description: 'As the example ships.',
      mirrors: 'Dynamo, router_standalone at 87b3938f',
      parameters: { overlap_weight: 2, poll_ms: 100 },
    },
  },
  create: ({ overlap_weight, poll_ms, ties }) => {
    let costs = new Float64Array(0)
    let waiting = new Float64Array(0)
    let usage = new Float64Array(0)
    let polledMs = Number.NEGATIVE_INFINITY
    return {
      route(request, cluster) {
        const { columns, ids, notes, nowMs } = cluster
        const size = columns.waiting.length
        if (costs.length < size) {
          costs = new Float64Array(size)
          waiting = new Float64Array(size)
          usage = new Float64Array(size)
          polledMs = Number.NEGATIVE_INFINITY
        }
        if (nowMs - polledMs >= poll_ms) {
          const usages = cluster.kvUsages()
          for (let i = 0; i < ids.length; i++) {
            waiting[ids[i]!] = columns.waiting[ids[i]!]!
            usage[ids[i]!] = usages[ids[i]!]!
          }
          polledMs = nowMs
        }
        let most = 0
        for (let i = 0; i < ids.length; i++) most = Math.max(most, waiting[ids[i]!]!)
        const matched = cluster.prefixMatch(request)
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const overlap = matched[id]! / request.promptTokens
          const queue = most > 0 ? waiting[id]! / most : 0
          costs[id] = usage[id]! + queue - overlap_weight * overlap
          if (notes === undefined) continue
          notes.term('cached_share', id, overlap)
          notes.term('kv_usage', id, usage[id]!)
          notes.term('relative_queue', id, queue)
        }
        notes?.highest()
        const chosen = leastOf(cluster, costs, ties)
        if (chosen.kind === 'backend') waiting[chosen.id] = waiting[chosen.id]! + 1
        return chosen
      },
    }
  },
})
