import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { QueueLoads } from '../pickers/queue-load.js'
import { tiesParameter } from '../pickers/ties.js'

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
  observes: ['kv cache contents', 'queue lengths'],
  rule: 'Highest cache_weight x cached share of the prompt + (1 - cache_weight) x (1 - load): the share counts while the load is below max_load, load is its requests relative to the length of its queue. Without a declared prefix: the fewest requests.',
  terms: {
    overlap: 'Weighted score of the cached share.',
    idle: 'Weighted score of a short queue.',
  },
  wins: 'Prompts share beginnings of different lengths.',
  loses: 'Nothing is shared.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
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
    /** By id: what is to be least, the negative of the score. */
    let costs = new Float64Array(0)
    const queue = new QueueLoads(cache_weight)
    return {
      route(request, cluster) {
        const { columns, ids, notes } = cluster
        if (request.prefixTokens === 0) {
          notes?.branch('no declared prefix: fewest requests')
          return leastOf(cluster, columns.outstanding, ties)
        }
        costs = columnFor(costs, cluster)
        const matchedTokens = cluster.prefixMatch(request)
        queue.update(columns)
        costs.set(queue.costs)
        const { loads } = queue
        rewardCached(costs, loads, matchedTokens, request.promptTokens, cache_weight, max_load)
        if (notes !== undefined) {
          for (const id of Array.from(ids)) {
            const overlap = loads[id]! < max_load ? matchedTokens[id]! / request.promptTokens : 0
            notes.term('overlap', id, cache_weight * overlap)
          }
        }
        notes?.terms('idle', queue.costs.map(Math.abs))
        notes?.highest()
        return leastOf(cluster, costs, ties)
      },
    }
  },
})

/** Takes `weight` times the cached share of a prompt off the costs of backends whose load is below `most`. */
function rewardCached(
  costs: Float64Array,
  loads: Float64Array,
  matched: ArrayLike<number>,
  promptTokens: number,
  weight: number,
  most: number,
): void {
  const size = costs.length
  for (let from = 0; from < size; from += 4) {
    const to = Math.min(from + 4, size)
    // Four at a time: V8 does not unroll loops, and most backends hold nothing of a prompt.
    if (to - from === 4) {
      const first = matched[from]! | matched[from + 1]!
      if ((first | matched[from + 2]! | matched[from + 3]!) === 0) continue
    }
    for (let id = from; id < to; id++) {
      if (matched[id]! > 0 && loads[id]! < most)
        costs[id] = costs[id]! - weight * (matched[id]! / promptTokens)
    }
  }
}
