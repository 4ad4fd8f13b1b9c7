import type { ClusterView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'
import { indexParameter, PrefixBelief } from '../prefix-index/prefix-belief.js'

/**
 * When the most and the fewest requests differ by more than `imbalance`, and the most are above `imbalance_factor` times
 * the mean plus 1, only backends with the fewest are candidates. Of the candidates with at most m + `deviations` s
 * requests (mean and sample standard deviation of all backends), the largest cached part of the prompt wins, in whole
 * percent of its whole blocks, then the fewest requests, then `ties`. Without a match among them: the fewest requests.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/algorithms at e3e10f9, and prefix_cache.go at 01de8a5; whole blocks
 * and percent are those of pkg/utils/prefixcacheindexer/hash.go. O(backends) and one prefix match.
 */
export const aibrixPrefixCache: RouterDefinition = defineRouter({
  name: 'aibrix_prefix_cache',
  description: 'Prefers cached prefixes among backends whose load does not stand out.',
  observes: ['queue lengths', 'kv cache contents'],
  rule: 'Past an imbalance, only the least loaded compete. Otherwise the best match, in whole percent of the blocks of the prompt, not above mean + deviations x standard deviation, then the fewest requests.',
  terms: {
    cached_tokens: 'Leading prompt tokens that it is believed to hold.',
    match_percent: 'Whole percent of the whole blocks of the prompt that these are; -1 for none.',
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
    imbalance_factor: {
      default: 0,
      min: 0,
      description:
        'How many times the mean plus 1 the most requests must be above as well for affinity to be dropped; 0 for no such condition.',
    },
    index: indexParameter,
    index_block_tokens: {
      default: 32,
      min: 1,
      integer: true,
      description: 'Tokens of a block of an approximate index, which sees whole blocks only.',
    },
    index_blocks: {
      default: 200_000,
      min: 1,
      integer: true,
      description: 'Blocks per backend that an approximate index keeps.',
    },
    ttl_sec: { default: 1200, min: 0, description: 'Life of an entry of the approximate index.' },
    ties: tiesParameter,
  },
  presets: {
    shipped: {
      description:
        'The manifest: blocks of 128 bytes, here 32 tokens. Its index holds 200,000 blocks for all backends, here for each.',
      mirrors: 'AIBrix at e3e10f9, shipped manifest',
      parameters: { index: 'approximate', imbalance: 16, deviations: 2 },
    },
    code: {
      description: 'The defaults of the code: blocks of 4 bytes, here one token.',
      mirrors: 'AIBrix at e3e10f9, code defaults',
      parameters: { index: 'approximate', imbalance: 8, deviations: 1, index_block_tokens: 1 },
    },
    relative_gate: {
      description:
        'The defaults of a later version of the code, in which affinity is dropped from a difference of 8 on and only when the most are above 2 x (mean + 1).',
      mirrors: 'AIBrix at 01de8a5, prefix_cache.go, code defaults',
      parameters: {
        index: 'approximate',
        imbalance: 7,
        imbalance_factor: 2,
        deviations: 1,
        index_block_tokens: 1,
      },
    },
    kv_sync: {
      description: 'The manifest with cached prefixes from KV events.',
      mirrors: 'AIBrix at e3e10f9, kv-sync',
      parameters: { index: 'exact', imbalance: 16, deviations: 2 },
    },
  },
  create: (parameters) => {
    const { imbalance, imbalance_factor, deviations, index, ties } = parameters
    const belief = new PrefixBelief(index, {
      blockTokens: parameters.index_block_tokens,
      capacityBlocks: parameters.index_blocks,
      ttlMs: parameters.ttl_sec * 1000,
      maxTokens: Number.POSITIVE_INFINITY,
      countsAfterGaps: false,
    })
    let costs = new Float64Array(0)
    let percents = new Float64Array(0)

    /** What each backend holds of a prompt in whole percent of its whole blocks, by id; -1 for not one of them. */
    function fillPercents(request: RequestView, cluster: ClusterView): ArrayLike<number> {
      const { backends, ids } = cluster
      const matched = belief.matched(request, cluster)
      const blockTokens = index === 'exact' ? (backends[0]?.blockTokens ?? 1) : belief.blockTokens
      const blocks = Math.max(1, Math.floor(request.promptTokens / blockTokens))
      for (let i = 0; i < ids.length; i++) {
        const held = Math.floor(matched[ids[i]!]! / blockTokens)
        percents[ids[i]!] = held > 0 ? Math.min(100, Math.floor((100 * held) / blocks)) : -1
      }
      return matched
    }

    return {
      route(request, cluster) {
        const { columns, ids } = cluster
        const { outstanding } = columns
        costs = columnFor(costs, cluster)
        percents = columnFor(percents, cluster)
        const matched = fillPercents(request, cluster)
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
        const isUneven = most - least > imbalance && most > imbalance_factor * (mean + 1)
        const limit = isUneven ? least : mean + deviations * deviation
        let best = -1
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          if (percents[id]! <= best || outstanding[id]! > limit) continue
          if (isAvailable(cluster, id)) best = percents[id]!
        }
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const isKept = best === -1 || (percents[id] === best && outstanding[id]! <= limit)
          costs[id] = isKept ? outstanding[id]! : Number.POSITIVE_INFINITY
        }
        cluster.notes?.branch(isUneven ? 'out of balance' : best >= 0 ? 'best match' : 'no match')
        cluster.notes?.terms('cached_tokens', matched)
        cluster.notes?.terms('match_percent', percents)
        cluster.notes?.terms('requests', outstanding)
        const chosen = leastOf(cluster, costs, ties)
        if (chosen.kind === 'backend') belief.sent(chosen.id, cluster.nowMs)
        return chosen
      },
      onRunsForgotten: (ids) => belief.forget(ids),
    }
  },
})
