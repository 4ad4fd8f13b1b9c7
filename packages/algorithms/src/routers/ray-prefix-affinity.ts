import type { BackendView, ClusterView, Reject, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { countAvailable, isAvailable, nthAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'
import { RadixTree } from '../prefix-index/radix-tree.js'
import { PromptPath } from '../prompt/prompt-path.js'

/**
 * Out of balance, that is max - min > `imbalanced_threshold` over the available backends: the one with fewer requests of
 * two drawn at random. Otherwise, of the backends that were sent the longest known beginning of the prompt, when it is
 * at least `match_rate_threshold` of it, else of those that were sent the fewest distinct tokens, the one with the
 * fewest requests. Ties follow `ties`.
 *
 * The tree knows what this router sent. With `eviction_threshold_tokens` above 0, every `eviction_interval_sec` the part
 * of a backend above it is cut to `eviction_target_tokens`: what one prompt was the last to use goes as a whole, the least
 * recently used first.
 *
 * Source: ray-project/ray, python/ray/llm/_internal/serve/routing_policies/prefix_aware at 06c16f2f, which counts
 * characters and takes in the whole prompt, with what no other shares; four stand for a token here. O(backends + runs of the prompt x owners).
 */
export const rayPrefixAffinity: RouterDefinition = defineRouter({
  name: 'ray_prefix_affinity',
  description: 'Follows a tree of what it sent where; unknown prompts go to the smallest tree.',
  observes: ['prompt content', 'own requests', 'time'],
  rule: 'The fewest requests among the owners of the longest known beginning when it covers match_rate_threshold of the prompt, else among those with the smallest tree. Out of balance: the better of two drawn at random.',
  terms: {
    requests: 'Requests of this router on it.',
    known_tokens: 'Leading tokens of the prompt that it was sent.',
    tree_tokens: 'Distinct tokens that it was sent.',
  },
  wins: 'Prefixes share traffic evenly, so that trees of equal size are loads of equal size.',
  loses: 'One prefix has most of the traffic: with the default threshold no load makes it leave.',
  source:
    'ray-project/ray, python/ray/llm/_internal/serve/routing_policies/prefix_aware at 06c16f2f',
  parameters: {
    imbalanced_threshold: {
      default: 0,
      min: 0,
      description: 'Difference of requests above which prefixes do not count; 0 for never.',
    },
    match_rate_threshold: {
      default: 0.1,
      min: 0,
      max: 1,
      description: 'Share of the prompt that must be known, inclusive.',
    },
    eviction_threshold_tokens: {
      default: 0,
      min: 0,
      description: 'Tokens per backend from which some are forgotten; 0 for never.',
    },
    eviction_target_tokens: {
      default: 90_000,
      min: 1,
      description: 'Tokens per backend that are left.',
    },
    eviction_interval_sec: { default: 10, min: 0, description: 'Time between evictions.' },
    ties: tiesParameter,
  },
  presets: {
    ray: {
      description:
        'The defaults of the code: an infinite threshold and no eviction. Which of equal queues Ray takes is not established; requests that find all replicas full wait there, which is what the combinator gate does.',
      mirrors: 'Ray Serve LLM at 06c16f2f, after pull request 59390',
      parameters: { imbalanced_threshold: 0, match_rate_threshold: 0.1 },
    },
    ray_docs: {
      description: 'With the threshold of 10 that the documentation had.',
      mirrors: 'Ray Serve documentation; version not established',
      parameters: { imbalanced_threshold: 10 },
    },
    ray_evicting: {
      description: 'With do_eviction: 400,000 characters are 100,000 tokens, 360,000 are 90,000.',
      mirrors: 'Ray Serve LLM at 06c16f2f, do_eviction',
      parameters: { eviction_threshold_tokens: 100_000, eviction_target_tokens: 90_000 },
    },
  },
  create: (parameters) => {
    const { imbalanced_threshold, match_rate_threshold, ties } = parameters
    const { eviction_threshold_tokens, eviction_target_tokens } = parameters
    const tree = new RadixTree({ isEvicted: eviction_threshold_tokens > 0 })
    const path = new PromptPath()
    let matched = new Float64Array(0)
    let sizes = new Float64Array(0)
    let costs = new Float64Array(0)
    let evictedMs = 0

    function evict({ ids, nowMs }: ClusterView): void {
      if (eviction_threshold_tokens === 0) return
      if (nowMs - evictedMs < parameters.eviction_interval_sec * 1000) return
      evictedMs = nowMs
      for (let i = 0; i < ids.length; i++) {
        if (tree.tokensOf(ids[i]!) > eviction_threshold_tokens) {
          tree.evict(ids[i]!, eviction_target_tokens)
        }
      }
    }

    function isUneven(cluster: ClusterView): boolean {
      if (imbalanced_threshold === 0) return false
      const { columns, ids } = cluster
      let least = Number.POSITIVE_INFINITY
      let most = 0
      for (let i = 0; i < ids.length; i++) {
        if (!isAvailable(cluster, ids[i]!)) continue
        least = Math.min(least, columns.outstanding[ids[i]!]!)
        most = Math.max(most, columns.outstanding[ids[i]!]!)
      }
      return most - least > imbalanced_threshold
    }

    /** The fewest requests, among all. */
    function leastLoaded(cluster: ClusterView): BackendView | Reject {
      cluster.notes?.terms('requests', cluster.columns.outstanding)
      return leastOf(cluster, costs, ties)
    }

    function betterOfTwo(cluster: ClusterView): BackendView | Reject {
      const { columns, ids, random } = cluster
      const count = countAvailable(cluster)
      if (count < 2) return nthAvailable(cluster, 0)
      const first = random.integer(count)
      const other = random.integer(count - 1)
      const a = nthAvailable(cluster, first)
      const b = nthAvailable(cluster, other < first ? other : other + 1)
      for (let i = 0; i < ids.length; i++) costs[ids[i]!] = Number.POSITIVE_INFINITY
      for (const drawn of [a, b]) {
        if (drawn.kind === 'backend') costs[drawn.id] = columns.outstanding[drawn.id]!
      }
      return leastLoaded(cluster)
    }

    function byPrefix(request: RequestView, cluster: ClusterView): BackendView | Reject {
      const { columns, ids, notes } = cluster
      tree.match(path, matched)
      let most = 0
      let smallest = Number.POSITIVE_INFINITY
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        sizes[id] = tree.tokensOf(id)
        if (!isAvailable(cluster, id)) continue
        most = Math.max(most, matched[id]!)
        smallest = Math.min(smallest, sizes[id]!)
      }
      const isKnown = most > 0 && most / request.promptTokens >= match_rate_threshold
      notes?.branch(isKnown ? 'owners of the known beginning' : 'smallest trees')
      notes?.terms('known_tokens', matched)
      notes?.believedTokens(matched)
      notes?.terms('tree_tokens', sizes)
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        const takes = isKnown ? matched[id] === most : sizes[id] === smallest
        costs[id] = takes ? columns.outstanding[id]! : Number.POSITIVE_INFINITY
      }
      return leastLoaded(cluster)
    }

    return {
      route(request, cluster) {
        evict(cluster)
        request.promptPath(path)
        matched = columnFor(matched, cluster)
        sizes = columnFor(sizes, cluster)
        costs = columnFor(costs, cluster)
        const uneven = isUneven(cluster)
        if (uneven) cluster.notes?.branch('out of balance: the better of two')
        const chosen = uneven ? betterOfTwo(cluster) : byPrefix(request, cluster)
        if (chosen.kind === 'backend') tree.insert(path, chosen.id, request.promptTokens)
        return chosen
      },
      onBackendChange(backend, change) {
        if (change === 'removed' || change === 'unhealthy') tree.remove(backend.id)
      },
      onRunsForgotten: (ids) => tree.forget(ids),
      customMetrics: () => ({ tree_nodes: tree.size }),
    }
  },
})
