import type { BackendView, ClusterView, Reject, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable, noAvailableBackend, nthAvailable } from '../pickers/available.js'
import { backendOf, positionOf } from '../pickers/backend-of.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { firstOfTiesParameter } from '../pickers/ties.js'
import { RadixTree } from '../prefix-index/radix-tree.js'
import { PromptPath } from '../prompt/prompt-path.js'

/**
 * Out of balance, that is max - min > `balance_abs` and max > `balance_rel` min over all backends, healthy or
 * not: the fewest requests. Otherwise, when more than `cache_threshold` of the prompt is in the tree, the owner
 * that used it last; else the fewest requests, or the smallest tree. Ties follow `ties`; an owner that is not
 * available gives way to the first that is, which the tree does not learn.
 *
 * With `owner` least_load, of all owners of that prefix the available one with the fewest requests, ties at random. With
 * `gate` request, affinity is not dropped for all: the chosen backend gives way to the one with the fewest requests when
 * it has more than m + `balance_abs` and more than m `balance_rel`, m the mean of those that are healthy, and the tree
 * learns both.
 *
 * The tree knows what this router sent. Every `eviction_interval_sec` each backend's part is cut to
 * `max_tree_tokens`, what is least recently used first, whole prompts as far as no later one has used them.
 *
 * Source: sgl-project/sglang, sgl-router and sgl-model-gateway, src/policies/cache_aware.rs, which count
 * characters; four stand for a token here. O(backends + runs of the prompt x owners).
 */
export const sglangCacheAware: RouterDefinition = defineRouter({
  name: 'sglang_cache_aware',
  description: 'Follows a radix tree of what it sent where, unless the fleet is out of balance.',
  observes: ['prompt content', 'queue lengths', 'time'],
  rule: 'Balanced: the last owner of the longest known prefix when it covers more than cache_threshold, else the least loaded. Out of balance: the least loaded.',
  terms: {
    requests: 'Requests on it.',
    known_share: 'Share of the prompt in the tree, for the owner that used it last.',
  },
  wins: 'Many balanced groups of requests share long prefixes.',
  loses:
    'One slow backend keeps the fleet out of balance; shares stay under the threshold; several routers run side by side.',
  source: 'sgl-project/sglang, sgl-model-gateway/src/policies/cache_aware.rs',
  parameters: {
    cache_threshold: {
      default: 0.3,
      min: 0,
      max: 1,
      description: 'Share of the prompt that must be known, exclusive.',
    },
    balance_abs: { default: 64, min: 0, description: 'Difference of requests out of balance.' },
    balance_rel: { default: 1.5, min: 0, description: 'Ratio of requests out of balance.' },
    eviction_interval_sec: { default: 120, min: 0, description: 'Time between evictions.' },
    max_tree_tokens: {
      default: 16_777_216,
      min: 1,
      description: 'Tokens per backend that an eviction leaves.',
    },
    miss: {
      default: 'least_load',
      choices: ['least_load', 'smallest_tree'],
      description: 'Where unknown prompts go.',
    },
    gate: {
      default: 'fleet',
      choices: ['fleet', 'request'],
      description:
        'Whether an imbalance anywhere sends all to the least loaded, or one of the chosen backend this request.',
    },
    owner: {
      default: 'latest',
      choices: ['latest', 'least_load'],
      description:
        'Which owner of a known prefix takes it: the last that used it, or the least loaded.',
    },
    ties: firstOfTiesParameter,
  },
  presets: {
    smg: {
      description:
        'The gate is for the request, and all holders of a prefix compete. Its thresholds are not established, those of the gateway stand for them; KV pressure, off there, and its KV-event mode are not mirrored, and the bound on its whole tree is one for each backend here.',
      mirrors: 'SMG at f8daa88 (2026), model_gateway/src/policies/cache_aware.rs, tree mode',
      parameters: {
        cache_threshold: 0.3,
        balance_abs: 64,
        balance_rel: 1.5,
        gate: 'request',
        owner: 'least_load',
      },
    },
    vllm_router: {
      description:
        'The same as gateway_cli; its map of sessions, newer and consulted first, is session_affinity@vllm_router.',
      mirrors: 'vllm-project/router, cache_aware, command line defaults, 2026',
      parameters: { cache_threshold: 0.3, balance_abs: 64, balance_rel: 1.5 },
    },
    gateway_cli: {
      description: 'What the launcher sets, so what people run.',
      mirrors: 'sgl-model-gateway after pull request 14650 (December 2025)',
      parameters: { cache_threshold: 0.3, balance_abs: 64, balance_rel: 1.5 },
    },
    rust_struct: {
      description: 'The defaults of the code; 10,000 characters are 2,500 tokens.',
      mirrors: 'sgl-model-gateway, struct defaults',
      parameters: {
        cache_threshold: 0.5,
        balance_abs: 32,
        balance_rel: 1.1,
        eviction_interval_sec: 30,
        max_tree_tokens: 2500,
      },
    },
    sglang_0_4: {
      description: 'From the SkyPilot port that says it inherits them; not checked against v0.4.',
      mirrors: 'SGLang v0.4 as ported by SkyPilot',
      parameters: {
        cache_threshold: 0.5,
        balance_abs: 32,
        balance_rel: 1.0001,
        eviction_interval_sec: 60,
        max_tree_tokens: 4_194_304,
        miss: 'smallest_tree',
      },
    },
  },
  create: (parameters) => {
    const { cache_threshold, balance_abs, balance_rel, max_tree_tokens, miss, ties } = parameters
    const { gate, owner } = parameters
    const tree = new RadixTree()
    const path = new PromptPath()
    const found = { tokens: 0, run: -1 }
    let sizes = new Float64Array(0)
    let costs = new Float64Array(0)
    let evictedMs = 0

    function evict({ ids, nowMs }: ClusterView): void {
      if (nowMs - evictedMs < parameters.eviction_interval_sec * 1000) return
      evictedMs = nowMs
      for (let i = 0; i < ids.length; i++) tree.evict(ids[i]!, max_tree_tokens)
    }

    function isUneven({ columns, ids }: ClusterView): boolean {
      let least = Number.POSITIVE_INFINITY
      let most = 0
      for (let i = 0; i < ids.length; i++) {
        least = Math.min(least, columns.outstanding[ids[i]!]!)
        most = Math.max(most, columns.outstanding[ids[i]!]!)
      }
      return most - least > balance_abs && most > balance_rel * least
    }

    function missed(cluster: ClusterView) {
      const { columns, ids } = cluster
      if (miss === 'least_load') return leastOf(cluster, columns.outstanding, ties)
      sizes = columnFor(sizes, cluster)
      for (let i = 0; i < ids.length; i++) sizes[ids[i]!] = tree.tokensOf(ids[i]!)
      return leastOf(cluster, sizes, ties)
    }

    /** The least loaded of those that own a run, a rejection when none is available. */
    function leastOwner(cluster: ClusterView, run: number) {
      const { columns, ids } = cluster
      costs = columnFor(costs, cluster)
      tree.holders(run, costs)
      let owners = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        const isOwner = costs[id] === 1 && isAvailable(cluster, id)
        if (isOwner) owners++
        costs[id] = isOwner ? columns.outstanding[id]! : Number.POSITIVE_INFINITY
      }
      if (owners === 0) return noAvailableBackend
      return leastOf(cluster, costs, 'random')
    }

    /** Whether a backend has so many more requests than the mean that its request goes elsewhere. */
    function isOverloaded({ columns, ids }: ClusterView, id: number): boolean {
      let total = 0
      let healthy = 0
      for (let i = 0; i < ids.length; i++) {
        if (columns.maxQueueDepth[ids[i]!] === 0) continue
        total += columns.outstanding[ids[i]!]!
        healthy++
      }
      const mean = total / healthy
      const requests = columns.outstanding[id]!
      return requests > mean * balance_rel && requests > mean + balance_abs
    }

    /** Where a request goes with a gate for the request. */
    function routeGated(request: RequestView, cluster: ClusterView): BackendView | Reject {
      tree.deepest(path, found)
      const share = found.tokens / request.promptTokens
      const isKnown = share > cache_threshold
      cluster.notes?.branch(isKnown ? 'owners of the known prefix' : 'not enough is known')
      let chosen = isKnown ? ownerOf(cluster) : missed(cluster)
      if (chosen.kind === 'reject') {
        cluster.notes?.branch('no owner is available: fewest requests')
        chosen = leastOf(cluster, cluster.columns.outstanding, ties)
      }
      if (chosen.kind === 'reject') return chosen
      cluster.notes?.term('known_share', chosen.id, isKnown ? share : 0)
      if (isOverloaded(cluster, chosen.id)) {
        cluster.notes?.branch('it has too many requests: fewest requests')
        chosen = leastOf(cluster, cluster.columns.outstanding, ties)
      }
      if (chosen.kind === 'backend') tree.insert(path, chosen.id, request.promptTokens)
      return chosen
    }

    /** The owner of the prefix that was found, a rejection when there is none that can take the request. */
    function ownerOf(cluster: ClusterView): BackendView | Reject {
      if (owner === 'least_load') return leastOwner(cluster, found.run)
      const latest = tree.latestOwner(found.run)
      const isThere = positionOf(cluster, latest) !== -1
      return isThere && isAvailable(cluster, latest)
        ? backendOf(cluster, latest)
        : noAvailableBackend
    }

    return {
      route(request, cluster) {
        evict(cluster)
        request.promptPath(path)
        if (gate === 'request') {
          cluster.notes?.terms('requests', cluster.columns.outstanding)
          return routeGated(request, cluster)
        }
        let chosen = leastOf(cluster, cluster.columns.outstanding, ties)
        if (chosen.kind === 'reject') return chosen
        cluster.notes?.terms('requests', cluster.columns.outstanding)
        if (isUneven(cluster)) cluster.notes?.branch('out of balance')
        else {
          tree.deepest(path, found)
          if (found.tokens / request.promptTokens > cache_threshold) {
            const latest = tree.latestOwner(found.run)
            cluster.notes?.branch('last owner of the known prefix')
            cluster.notes?.term('known_share', latest, found.tokens / request.promptTokens)
            if (positionOf(cluster, latest) === -1) tree.remove(latest)
            else if (owner === 'least_load') {
              const least = leastOwner(cluster, found.run)
              if (least.kind === 'backend') chosen = least
            } else if (isAvailable(cluster, latest)) chosen = backendOf(cluster, latest)
            else {
              cluster.notes?.branch('last owner is not available: the first that is')
              return nthAvailable(cluster, 0)
            }
          } else {
            cluster.notes?.branch('not enough is known')
            chosen = missed(cluster)
          }
        }
        if (chosen.kind === 'backend') tree.insert(path, chosen.id, request.promptTokens)
        return chosen
      },
      onRunsForgotten: (ids) => tree.forget(ids),
      customMetrics: () => ({ tree_nodes: tree.size }),
    }
  },
})
