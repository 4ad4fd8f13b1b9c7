import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'
import { indexParameter, PrefixBelief } from '../prefix-index/prefix-belief.js'

/**
 * When the most and the fewest requests differ by more than `imbalance`, only backends with the fewest are
 * candidates. Of the candidates with at most m + `deviations` s requests (mean and sample standard deviation
 * of the candidates), the largest cached share of the prompt wins, then the fewest requests, then `ties`.
 * Without a match among them: the fewest requests.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/algorithms at e3e10f9. O(backends) and one prefix match.
 */
export const aibrixPrefixCache: RouterDefinition = defineRouter({
  name: 'aibrix_prefix_cache',
  description: 'Prefers cached prefixes among backends whose load does not stand out.',
  observes: ['queue lengths', 'kv cache contents'],
  rule: 'Past an imbalance, only the least loaded compete. Otherwise the best match not above mean + deviations x standard deviation, then the fewest requests.',
  terms: {
    cached_tokens: 'Leading prompt tokens that it is believed to hold.',
    requests: 'Requests on it; also the score of those that compete.',
  },
  wins: 'A few prefixes are hot and load stays even.',
  loses: 'One slow backend keeps the fleet out of balance, so that affinity is dropped for all.',
  source: 'vllm-project/aibrix, pkg/plugins/gateway/algorithms at e3e10f9',
  parameters: {
    imbalance: {
      default: 16,
      min: 0,
      description: 'Difference of requests above which affinity is dropped.',
    },
    deviations: {
      default: 2,
      min: 0,
      description: 'Standard deviations above the mean that a cached backend may have.',
    },
    index: indexParameter,
    index_tokens: {
      default: 6_400_000,
      min: 1,
      description: 'Tokens per backend that an approximate index keeps.',
    },
    ttl_sec: { default: 1200, min: 0, description: 'Life of an entry of the approximate index.' },
    ties: tiesParameter,
  },
  presets: {
    shipped: {
      description: 'The manifest; its index holds 200,000 blocks for all backends, here for each.',
      mirrors: 'AIBrix at e3e10f9, shipped manifest',
      parameters: { index: 'approximate', imbalance: 16, deviations: 2 },
    },
    code: {
      description: 'The defaults of the code; blocks of 4 bytes.',
      mirrors: 'AIBrix at e3e10f9, code defaults',
      parameters: { index: 'approximate', imbalance: 8, deviations: 1, index_tokens: 200_000 },
    },
    kv_sync: {
      description: 'The manifest with cached prefixes from KV events.',
      mirrors: 'AIBrix at e3e10f9, kv-sync',
      parameters: { index: 'exact', imbalance: 16, deviations: 2 },
    },
  },
  create: ({ imbalance, deviations, index, index_tokens, ttl_sec, ties }) => {
    const belief = new PrefixBelief(index, {
      capacityTokens: index_tokens,
      ttlMs: ttl_sec * 1000,
      maxTokens: Number.POSITIVE_INFINITY,
      countsAfterGaps: false,
    })
    let costs = new Float64Array(0)
    return {
      route(request, cluster) {
        const { columns, ids } = cluster
        const { outstanding } = columns
        costs = columnFor(costs, cluster)
        const matched = belief.matched(request, cluster)
        let least = Number.POSITIVE_INFINITY
        let most = 0
        let count = 0
        let mean = 0
        let squares = 0
        for (let i = 0; i < ids.length; i++) {
          if (!isAvailable(cluster, ids[i]!)) continue
          const requests = outstanding[ids[i]!]!
          least = Math.min(least, requests)
          most = Math.max(most, requests)
          // Welford's update.
          const delta = requests - mean
          mean += delta / ++count
          squares += delta * (requests - mean)
        }
        const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0
        const isUneven = most - least > imbalance
        const limit = isUneven ? least : mean + deviations * deviation
        let best = 0
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          if (matched[id]! <= best || outstanding[id]! > limit) continue
          if (isAvailable(cluster, id)) best = matched[id]!
        }
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const isKept = best === 0 || (matched[id] === best && outstanding[id]! <= limit)
          costs[id] = isKept ? outstanding[id]! : Number.POSITIVE_INFINITY
        }
        cluster.notes?.branch(isUneven ? 'out of balance' : best > 0 ? 'best match' : 'no match')
        cluster.notes?.terms('cached_tokens', matched)
        cluster.notes?.terms('requests', outstanding)
        const chosen = leastOf(cluster, costs, ties)
        if (chosen.kind === 'backend') belief.sent(chosen.id, cluster.nowMs)
        return chosen
      },
      onRunsForgotten: (ids) => belief.forget(ids),
    }
  },
})
