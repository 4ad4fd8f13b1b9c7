import type { BackendView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastBy, mostBy } from '../pickers/pick.js'
import { queueLoad } from '../pickers/queue-load.js'
import { tiesParameter } from '../pickers/ties.js'
import { outstanding } from './least-outstanding.js'

/**
 * max of w o + (1 - w)(1 - L), with w = `cache_weight`, L = min(1, (Q + A) / maxQueueDepth), and
 * o = the share of the prompt's tokens, counted from its start, that the backend holds; o = 0 when
 * L >= `max_load`. A request without a declared prefix goes to the least Q + A. Ties follow `ties`.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim, which counted blocks anywhere in
 * the prompt, though only a leading run of blocks can be reused. O(backends) and one prefix match.
 */
export const prefixOverlap: RouterDefinition = defineRouter({
  name: 'prefix_overlap',
  description:
    'Prefers backends that hold more of the beginning of the prompt, unless they are busy.',
  parameters: {
    cache_weight: {
      default: 0.7,
      min: 0,
      max: 1,
      description: 'Weight of the cached share of the prompt against a short queue.',
    },
    max_load: {
      default: 0.9,
      min: 0,
      max: 1,
      description: 'Queue load from which cached tokens no longer count.',
    },
    ties: tiesParameter,
  },
  create: ({ cache_weight, max_load, ties }) => {
    // Set by route for score, which would otherwise be a new closure for each request.
    let matchedTokens: ArrayLike<number> = []
    let promptTokens = 1

    function score(backend: BackendView): number {
      const load = queueLoad(backend)
      const overlap = load < max_load ? matchedTokens[backend.id]! / promptTokens : 0
      return cache_weight * overlap + (1 - cache_weight) * (1 - load)
    }

    return {
      route(request, cluster) {
        if (request.prefixTokens === 0) return leastBy(cluster, outstanding, ties)
        matchedTokens = cluster.prefixMatch(request)
        promptTokens = request.promptTokens
        return mostBy(cluster, score, ties)
      },
    }
  },
})
