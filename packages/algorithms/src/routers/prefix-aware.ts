import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { BlockSizes } from '../pickers/block-sizes.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { QueueLoads } from '../pickers/queue-load.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * max of w c + (1 - w)(1 - L), with w = `cache_weight`, L = min(1, (Q + A) / maxQueueDepth), and
 * c = 1 when the backend holds the whole declared prefix and L < `max_load`, else 0. A request
 * without a declared prefix goes to the least Q + A. Ties follow `ties`.
 *
 * "Whole" means in whole KV blocks, at least one, and without the prompt's last token, which an
 * engine always computes anew.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim, which ignored how much of the
 * prefix was left and gave every tie to the last backend. O(backends) and one prefix match.
 */
export const prefixAware: RouterDefinition = defineRouter({
  name: 'prefix_aware',
  description:
    'Prefers backends that hold the declared prefix of the prompt, unless they are busy.',
  observes: ['kv cache contents', 'queue lengths'],
  rule: 'Highest cache_weight x cached + (1 - cache_weight) x (1 - load): cached is 1 when the backend holds the whole declared prefix and its load is below max_load, load its requests relative to the length of its queue. Without a declared prefix: the fewest requests.',
  terms: {
    prefix: 'Weighted score of the cached prefix.',
    idle: 'Weighted score of a short queue.',
  },
  wins: 'Whole prefixes come again and again.',
  loses: 'Prefixes are shared in part.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
  parameters: {
    cache_weight: {
      default: 0.8,
      min: 0,
      max: 1,
      description: 'Weight of a cached prefix against a short queue.',
    },
    max_load: {
      default: 0.9,
      min: 0,
      max: 1,
      description: 'Queue load from which a cached prefix no longer counts.',
    },
    ties: tiesParameter,
  },
  create: ({ cache_weight, max_load, ties }) => {
    /** By id: what is to be least, the negative of the score. */
    let costs = new Float64Array(0)
    const queue = new QueueLoads(cache_weight)
    const blockSizes = new BlockSizes()
    return {
      route(request, cluster) {
        const { columns, ids, notes } = cluster
        if (request.prefixTokens === 0) {
          notes?.branch('no declared prefix: fewest requests')
          return leastOf(cluster, columns.outstanding, ties)
        }
        costs = columnFor(costs, cluster)
        const matchedTokens = cluster.prefixMatch(request)
        const reusableTokens = Math.min(request.prefixTokens, request.promptTokens - 1)
        const blockTokens = blockSizes.of(cluster)
        queue.update(columns)
        costs.set(queue.costs)
        // Constants of this call: V8 looks at what a closure has anew for every backend.
        const [out, weight, most] = [costs, cache_weight, max_load]
        const { loads } = queue
        const size = ids.length
        let blockSize = 0
        let needed = 0
        for (let i = 0; i < size; i++) {
          const id = ids[i]!
          const matched = matchedTokens[id]!
          if (matched === 0) continue
          if (blockTokens[id] !== blockSize) {
            blockSize = blockTokens[id]!
            needed = reusableTokens - (reusableTokens % blockSize)
          }
          if (needed > 0 && matched >= needed && loads[id]! < most) out[id] = out[id]! - weight
        }
        if (notes !== undefined) {
          for (const id of Array.from(ids)) {
            const isHeld = out[id] !== queue.costs[id]
            notes.term('prefix', id, isHeld ? weight : 0)
          }
        }
        notes?.terms('idle', queue.costs.map(Math.abs))
        notes?.highest()
        return leastOf(cluster, costs, ties)
      },
    }
  },
})
