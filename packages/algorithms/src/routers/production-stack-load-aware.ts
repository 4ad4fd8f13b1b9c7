import type { BackendView, ClusterView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { placeKey } from '../hashing/bounded-load.js'
import { hashString } from '../hashing/hash.js'
import { HashRing } from '../hashing/hash-ring.js'
import { LowestRate } from '../load/lowest-rate.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'

/**
 * max of m / p - b (l - a) / max(1, a): m of the prompt's p tokens cached, l the requests on the backend, a
 * their mean over all, b = `load_weight`; ties take the lowest id. With `load_weight` 0 it is the share alone.
 * When the best match is 0, or `max_missing_tokens` is set and more are missing: by session on a ring, without
 * one the lowest rate of the last 60 s.
 *
 * Source: vllm-project/production-stack, src/vllm_router/routers/routing_logic.py, pull request 1035 and
 * a6c01db. O(backends) and one prefix match.
 */
export const productionStackLoadAware: RouterDefinition = defineRouter({
  name: 'production_stack_load_aware',
  description: 'Weighs the cached share of the prompt against load relative to the mean.',
  observes: ['own requests', 'kv cache contents', 'session', 'time'],
  rule: 'Highest cached share - load_weight x (requests - mean) / max(1, mean). Nothing cached: by session, else by rate.',
  terms: {
    cached_share: 'Cached share of the prompt.',
    relative_load: 'Requests above the mean, relative to it.',
    order: 'Place in the order of the session, from 0.',
  },
  wins: 'One holder of a hot prefix would draw all of its traffic.',
  loses: 'The weight is 0, so that requests pile up on that holder.',
  source: 'vllm-project/production-stack pull request 1035; routing_logic.py at a6c01db',
  parameters: {
    load_weight: { default: 1, min: 0, description: 'Weight of load against the cached share.' },
    max_missing_tokens: {
      default: 0,
      min: 0,
      description: 'Uncached tokens above which the cache is left out of account; 0 for any.',
    },
  },
  presets: {
    load_aware: {
      description: 'The policy loadaware, with its weight of 1.',
      mirrors: 'vLLM production-stack, pull request 1035 (August 2026)',
      parameters: { load_weight: 1 },
    },
    kv_aware: {
      description:
        'The policy kvaware: the best match whatever its load; it takes the first that is listed.',
      mirrors: 'vLLM production-stack at a6c01db',
      parameters: { load_weight: 0, max_missing_tokens: 2000 },
    },
  },
  create: ({ load_weight, max_missing_tokens }) => {
    const ring = new HashRing(150)
    const rates = new LowestRate(60_000)
    let costs = new Float64Array(0)
    return {
      route(request, cluster) {
        const { columns, ids } = cluster
        const { outstanding } = columns
        costs = columnFor(costs, cluster)
        const matched = cluster.prefixMatch(request)
        let best = 0
        let total = 0
        for (let i = 0; i < ids.length; i++) {
          best = Math.max(best, matched[ids[i]!]!)
          total += outstanding[ids[i]!]!
        }
        const missing = request.promptTokens - best
        if (best === 0 || (max_missing_tokens > 0 && missing > max_missing_tokens)) {
          const isKeyed = request.session !== undefined
          cluster.notes?.branch(isKeyed ? 'not cached: by session' : 'not cached: lowest rate')
          if (request.session === undefined) return rates.pick(cluster)
          ring.setMembers(ids)
          return placeKey(cluster, ring, hashString(request.session), Number.POSITIVE_INFINITY)
        }
        const mean = total / ids.length
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const load = (outstanding[id]! - mean) / Math.max(1, mean)
          costs[id] = load_weight * load - Math.min(1, matched[id]! / request.promptTokens)
          if (cluster.notes === undefined) continue
          cluster.notes.term('cached_share', id, Math.min(1, matched[id]! / request.promptTokens))
          cluster.notes.term('relative_load', id, load)
        }
        cluster.notes?.highest()
        return leastOf(cluster, costs, 'first')
      },
      onDispatched(_request: RequestView, backend: BackendView, cluster: ClusterView) {
        rates.sent(backend.id, cluster.nowMs)
      },
    }
  },
})
