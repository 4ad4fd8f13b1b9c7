import type { BackendView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastBy } from '../pickers/pick.js'
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
  parameters: {
    base_cost: { default: 1, min: 0, description: 'Cost that every request adds.' },
    queue_weight: { default: 0.5, min: 0, description: 'Cost added for each waiting request.' },
    kv_weight: { default: 2, min: 0, description: 'Cost added by a KV cache in full use.' },
    decay_rate: { default: 0.1, min: 0, description: 'Rate of exponential decay, per second.' },
    ties: tiesParameter,
  },
  create: ({ base_cost, queue_weight, kv_weight, decay_rate, ties }) => {
    /** By backend id; `undefined` for ids this router has not seen. */
    const costs: (number | undefined)[] = []
    let decayedToMs = 0
    const cost = (backend: BackendView): number => costs[backend.id] ?? 0

    function decay(nowMs: number): void {
      if (nowMs === decayedToMs) return
      const factor = Math.exp((-decay_rate * (nowMs - decayedToMs)) / 1000)
      for (let id = 0; id < costs.length; id++) {
        const old = costs[id]
        if (old !== undefined) costs[id] = old * factor
      }
      decayedToMs = nowMs
    }

    return {
      route(_request, cluster) {
        const { backends } = cluster
        decay(cluster.nowMs)
        for (let i = 0; i < backends.length; i++) costs[backends[i]!.id] ??= 0
        const chosen = leastBy(cluster, cost, ties)
        if (chosen.kind === 'backend') {
          const added = base_cost + queue_weight * chosen.waiting + kv_weight * chosen.kvUsage
          costs[chosen.id] = cost(chosen) + added
        }
        return chosen
      },
      customMetrics() {
        const known = costs.filter((cost) => cost !== undefined)
        const max = Math.max(0, ...known)
        const min = Math.min(max, ...known)
        return { max_backend_cost: max, min_backend_cost: min, cost_spread: max - min }
      },
    }
  },
})
