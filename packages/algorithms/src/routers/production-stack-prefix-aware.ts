import type { BackendView, ClusterView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { LowestRate } from '../load/lowest-rate.js'
import { isAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'
import { RadixTree } from '../prefix-index/radix-tree.js'
import { PromptPath } from '../prompt/prompt-path.js'

/**
 * Any of the available backends that were sent the longest known beginning of the prompt, in whole chunks of
 * `chunk_tokens` or as the whole prompt, with equal chance unless `ties` says otherwise; any backend when not one chunk
 * is known. When less than `min_match_tokens` is known, the last chunk counted in full, the lowest rate of the last 60 s.
 * Load counts for nothing, and nothing is forgotten unless `max_tree_tokens` is set.
 *
 * Source: vllm-project/production-stack, src/vllm_router/prefix/hashtrie.py and routers/routing_logic.py at a6c01db,
 * which cuts the text into 128 characters; four stand for a token here. O(backends + runs of the prompt x owners).
 */
export const productionStackPrefixAware: RouterDefinition = defineRouter({
  name: 'production_stack_prefix_aware',
  description: 'Sends to any backend that was sent the longest known beginning of the prompt.',
  observes: ['prompt content', 'own requests', 'time'],
  rule: 'Of the backends that were sent the longest known beginning of the prompt, in whole chunks, any; load does not count. Less known than min_match_tokens: the lowest rate of requests.',
  terms: { known_tokens: 'Leading tokens of the prompt that it was sent, in whole chunks.' },
  wins: 'Many groups of requests share long prefixes and have about the same traffic.',
  loses: 'One prefix has most of the traffic: all of it goes to the backend that had it first.',
  source: 'vllm-project/production-stack, src/vllm_router/prefix/hashtrie.py at a6c01db',
  parameters: {
    chunk_tokens: {
      default: 32,
      min: 1,
      integer: true,
      description: 'Tokens that are looked up at a time.',
    },
    min_match_tokens: {
      default: 0,
      min: 0,
      description: 'Known tokens below which the lowest rate decides.',
    },
    max_tree_tokens: {
      default: 0,
      min: 0,
      description: 'Tokens per backend that are remembered, the last used ones; 0 for all.',
    },
    ties: tiesParameter,
  },
  presets: {
    prefixaware: {
      description:
        'The policy prefixaware: 128 characters are 32 tokens, and nothing is forgotten.',
      mirrors: 'vLLM production-stack at a6c01db',
      parameters: { chunk_tokens: 32, min_match_tokens: 0, max_tree_tokens: 0 },
    },
  },
  create: ({ chunk_tokens, min_match_tokens, max_tree_tokens, ties }) => {
    const tree = new RadixTree({ isEvicted: max_tree_tokens > 0 })
    const path = new PromptPath()
    const rates = new LowestRate(60_000)
    let matched = new Float64Array(0)
    let costs = new Float64Array(0)

    /** The most that an available backend was sent, after which `matched` has it of each. */
    function longest(request: RequestView, cluster: ClusterView): number {
      const { ids } = cluster
      const { promptTokens } = request
      tree.match(path, matched)
      // Constants of this call: V8 looks at what a closure has anew for every backend.
      const known = matched
      const chunk = chunk_tokens
      let most = 0
      let length = 0
      let whole = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        const tokens = known[id]!
        if (tokens === 0) continue
        // Most end where the one before does.
        if (tokens !== length) {
          length = tokens
          // A prompt known to its end is known with its last, shorter chunk.
          whole = tokens >= promptTokens ? promptTokens : tokens - (tokens % chunk)
        }
        known[id] = whole
        if (whole > most && isAvailable(cluster, id)) most = whole
      }
      return most
    }

    function choose(request: RequestView, cluster: ClusterView) {
      const { ids, notes } = cluster
      const most = longest(request, cluster)
      notes?.terms('known_tokens', matched)
      notes?.believedTokens(matched)
      if (Math.ceil(most / chunk_tokens) * chunk_tokens < min_match_tokens) {
        notes?.branch('not enough is known: lowest rate')
        return rates.pick(cluster)
      }
      notes?.branch(most === 0 ? 'nothing is known: anywhere' : 'longest known beginning')
      const out = costs
      const known = matched
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        out[id] = known[id]! >= most ? 0 : Number.POSITIVE_INFINITY
      }
      return leastOf(cluster, costs, ties)
    }

    return {
      route(request, cluster) {
        request.promptPath(path)
        matched = columnFor(matched, cluster)
        costs = columnFor(costs, cluster)
        const chosen = choose(request, cluster)
        if (chosen.kind !== 'backend') return chosen
        tree.insert(path, chosen.id, request.promptTokens)
        if (max_tree_tokens > 0) tree.evict(chosen.id, max_tree_tokens)
        return chosen
      },
      onDispatched(_request: RequestView, backend: BackendView, cluster: ClusterView) {
        rates.sent(backend.id, cluster.nowMs)
      },
      onRunsForgotten: (ids) => tree.forget(ids),
      customMetrics: () => ({ tree_nodes: tree.size }),
    }
  },
})
