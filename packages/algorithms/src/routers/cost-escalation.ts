import type { ClusterView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { grown } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * Each backend has a cost that begins at 0 and decays by exp(-`decay_rate` dt), dt in seconds. The
 * cheapest available one is chosen and its cost grows by `base_cost` + `queue_weight` Q +
 * `kv_weight` U, where Q is its waiting requests and U the share of its KV blocks in use. Ties
 * follow `ties`.
 *
 * Custom metrics: `max_backend_cost`, `min_backend_cost` and `cost_spread`, their difference, as of
 * the last decision.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim. O(backends).
 */
export const costEscalation: RouterDefinition = defineRouter({
  name: 'cost_escalation',
  description:
    'Sends to the backend with the lowest cost, which each request raises and time lowers.',
  observes: ['queue lengths', 'kv usage', 'time'],
  rule: 'Lowest cost. Each request adds base_cost + queue_weight x waiting requests + kv_weight x KV usage to the cost of its backend; all costs decay by exp(-decay_rate x seconds).',
  wins: 'Load is seen late, since it counts what it has just sent.',
  loses: 'Traffic is slow against the decay, so that costs say little of load.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
  parameters: {
    base_cost: { default: 1, min: 0, description: 'Cost that every request adds.' },
    queue_weight: { default: 0.5, min: 0, description: 'Cost added for each waiting request.' },
    kv_weight: { default: 2, min: 0, description: 'Cost added by a KV cache in full use.' },
    decay_rate: { default: 0.1, min: 0, description: 'Rate of exponential decay, per second.' },
    ties: tiesParameter,
  },
  create: ({ base_cost, queue_weight, kv_weight, decay_rate, ties }) => {
    /** By backend id: costs, and 1 where this router has seen the backend. */
    let costs = new Float64Array(0)
    let isKnown = new Uint8Array(0)
    /** One number, which as a variable would be boxed anew each time. */
    const decayedToMs = new Float64Array(1)

    function reserve(size: number): void {
      if (costs.length >= size) return
      costs = grown(costs, new Float64Array(size))
      isKnown = grown(isKnown, new Uint8Array(size))
    }

    function decay({ nowMs }: ClusterView): void {
      if (nowMs === decayedToMs[0]) return
      const factor = Math.exp((-decay_rate * (nowMs - decayedToMs[0]!)) / 1000)
      for (let id = 0; id < costs.length; id++) costs[id] = costs[id]! * factor
      decayedToMs[0] = nowMs
    }

    return {
      route(_request, cluster) {
        const { columns, ids } = cluster
        reserve(columns.waiting.length)
        decay(cluster)
        for (let i = 0; i < ids.length; i++) isKnown[ids[i]!] = 1
        const chosen = leastOf(cluster, costs, ties)
        if (chosen.kind === 'backend') {
          const added = base_cost + queue_weight * chosen.waiting + kv_weight * chosen.kvUsage
          costs[chosen.id] = costs[chosen.id]! + added
        }
        return chosen
      },
      customMetrics() {
        const known = costs.filter((_, id) => isKnown[id] === 1)
        const max = Math.max(0, ...known)
        const min = Math.min(max, ...known)
        return { max_backend_cost: max, min_backend_cost: min, cost_spread: max - min }
      },
    }
  },
})
