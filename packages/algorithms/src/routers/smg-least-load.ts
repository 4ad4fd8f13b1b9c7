import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min of the expected wait in seconds, t / r + `kv_penalty_sec` k / (1 - k): t the uncached tokens queued, for
 * which `tokens_per_waiting` per waiting request stand in, r the tokens per second, k the KV usage, at most
 * 0.999. Ties follow `ties`.
 *
 * Source: smg-project/smg, model_gateway/src/policies/least_load.rs at f8daa88, in the form it has for engines
 * that report waiting requests but neither waiting tokens nor throughput. O(backends).
 */
export const smgLeastLoad: RouterDefinition = defineRouter({
  name: 'smg_least_load',
  description: 'Sends to the shortest expected wait, which a full KV cache lengthens.',
  observes: ['queue lengths', 'kv usage'],
  rule: 'Lowest waiting tokens / rate + kv_penalty_sec x usage / (1 - usage).',
  terms: {
    queue_sec: 'Wait for what is queued.',
    kv_penalty_sec: 'What KV usage adds to it.',
  },
  wins: 'KV caches run full at different times.',
  loses: 'Prefixes are shared: it does not look at them.',
  source: 'smg-project/smg, model_gateway/src/policies/least_load.rs at f8daa88',
  parameters: {
    tokens_per_waiting: {
      default: 1024,
      min: 0,
      description: 'Tokens that a waiting request stands for.',
    },
    tokens_per_sec: { default: 2000, min: 1, description: 'Rate at which a backend works.' },
    kv_penalty_sec: {
      default: 0.15,
      min: 0,
      description: 'Wait that a half full KV cache stands for, in seconds.',
    },
    ties: tiesParameter,
  },
  presets: {
    smg: {
      description: 'Its nominal values, in use while an engine reports no throughput.',
      mirrors: 'SMG at f8daa88',
      parameters: { tokens_per_waiting: 1024, tokens_per_sec: 2000, kv_penalty_sec: 0.15 },
    },
  },
  create: ({ tokens_per_waiting, tokens_per_sec, kv_penalty_sec, ties }) => {
    let costs = new Float64Array(0)
    return {
      route(_request, cluster) {
        const { columns, ids } = cluster
        costs = columnFor(costs, cluster)
        const usages = cluster.kvUsages()
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const usage = Math.min(usages[id]!, 0.999)
          const queued = (columns.waiting[id]! * tokens_per_waiting) / tokens_per_sec
          costs[id] = queued + (kv_penalty_sec * usage) / (1 - usage)
          if (cluster.notes === undefined) continue
          cluster.notes.term('queue_sec', id, queued)
          cluster.notes.term('kv_penalty_sec', id, (kv_penalty_sec * usage) / (1 - usage))
        }
        return leastOf(cluster, costs, ties)
      },
    }
  },
})
