import type { BackendView, ClusterView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { SentTokens } from '../load/sent-tokens.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min of the expected wait in seconds, (t + d) / r + `kv_penalty_sec` k / (1 - k): t the uncached tokens queued, for
 * which `tokens_per_waiting` per waiting request stand in, d the prompt tokens it has sent since the metrics were taken,
 * r the tokens per second, k the KV usage, at most 0.999. A backend without metrics has t + d = `tokens_per_waiting` for
 * each of its requests, and while none has any, requests alone count. Ties follow `ties`.
 *
 * Source: smg-project/smg, model_gateway/src/policies/least_load.rs at f8daa88, in the form it has for engines
 * that report waiting requests but neither waiting tokens nor throughput. O(backends).
 */
export const smgLeastLoad: RouterDefinition = defineRouter({
  name: 'smg_least_load',
  description: 'Sends to the shortest expected wait, which a full KV cache lengthens.',
  observes: ['queue lengths', 'kv usage', 'own requests'],
  rule: 'Lowest (waiting tokens + prompt tokens sent since the metrics) / rate + kv_penalty_sec x usage / (1 - usage). Without metrics: own requests.',
  terms: {
    queue_sec: 'Wait for what is queued, and for what was sent since the metrics.',
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
    const sent = new SentTokens()
    const hasMetrics: boolean[] = []
    let unseen = -1
    let isTold = false

    /** Whether any backend has told its metrics: one that has once goes on to. */
    function look({ backends }: ClusterView): boolean {
      unseen = 0
      for (let i = 0; i < backends.length; i++) {
        const { id, metricsAgeMs } = backends[i]!
        hasMetrics[id] ||= metricsAgeMs < Number.POSITIVE_INFINITY
        if (!hasMetrics[id]) unseen++
      }
      isTold = unseen < backends.length
      return isTold
    }

    return {
      route(_request, cluster) {
        const { columns, ids, notes } = cluster
        costs = columnFor(costs, cluster)
        if (unseen !== 0 && !look(cluster)) {
          notes?.branch('no metrics: fewest requests')
          return leastOf(cluster, columns.outstanding, ties)
        }
        const usages = cluster.kvUsages()
        const { outstanding, sentSinceSample, waiting } = columns
        // Constants of this call: V8 looks at what a closure has anew for every backend.
        const [out, penaltySec, each, rate] = [
          costs,
          kv_penalty_sec,
          tokens_per_waiting,
          tokens_per_sec,
        ]
        const allTold = unseen === 0
        const size = ids.length
        for (let i = 0; i < size; i++) {
          const id = ids[i]!
          const usage = Math.min(usages[id]!, 0.999)
          const tokens =
            allTold || hasMetrics[id] !== false
              ? waiting[id]! * each + sent.lastOf(id, sentSinceSample[id]!)
              : outstanding[id]! * each
          const queued = tokens / rate
          const penalty = (penaltySec * usage) / (1 - usage)
          out[id] = queued + penalty
          notes?.term('queue_sec', id, queued)
          notes?.term('kv_penalty_sec', id, penalty)
        }
        return leastOf(cluster, costs, ties)
      },
      onDispatched({ promptTokens }: RequestView, { id }: BackendView) {
        if (isTold) sent.add(id, promptTokens)
      },
      onBackendChange(_backend, change) {
        if (change === 'added') unseen = -1
      },
    }
  },
})
