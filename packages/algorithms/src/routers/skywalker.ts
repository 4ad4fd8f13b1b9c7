import { type ClusterView, hold } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { countAvailable, isAvailable, noAvailableBackend } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { firstOfTiesParameter } from '../pickers/ties.js'
import { RadixTree } from '../prefix-index/radix-tree.js'
import { PromptPath } from '../prompt/prompt-path.js'

/**
 * Selective pushing: only backends that report at most `max_waiting` waiting requests are candidates, and while
 * there are none requests wait here, first come first served, looked at every `check_ms`. Among the candidates:
 * out of balance, that is max - min > `balance_abs` and max > `balance_rel` min of own requests, the fewest
 * requests; else, when a candidate was sent more than `cache_threshold` of the prompt, the fewest requests of those
 * that were sent the most of it; else the fewest requests.
 *
 * Source: skypilot-org/skypilot, branch of sky/serve/load_balancer.py, load_balancing_policies.py and
 * prefix_tree.py; SkyWalker, EuroSys 2026. One region: nothing is pushed to others.
 * O(backends + runs of the prompt x owners).
 */
export const skywalker: RouterDefinition = defineRouter({
  name: 'skywalker',
  description:
    'Keeps requests back until a backend has nobody waiting, then follows a tree of what it sent where.',
  observes: ['prompt content', 'queue lengths', 'own requests', 'time'],
  rule: 'Only backends with at most max_waiting waiting requests; if there are none, the request waits at the router. Of those: the least loaded of the owners of the longest known prefix when it covers more than cache_threshold and loads are balanced, else the least loaded.',
  terms: { requests: 'Requests of this router on it.' },
  wins: 'Bursts of long prompts: late binding sends each to whoever is free first.',
  loses:
    'Metrics are old: a backend that reports nobody waiting gets all until the next sample. Backends idle for up to a sample.',
  source: 'skypilot-org/skypilot, branch with sky/serve/prefix_tree.py; SkyWalker, EuroSys 2026',
  parameters: {
    max_waiting: { default: 0, min: 0, description: 'Waiting requests of a candidate at most.' },
    check_ms: { default: 10, min: 0.001, description: 'Time between looks at what waits here.' },
    cache_threshold: {
      default: 0.5,
      min: 0,
      max: 1,
      description: 'Share of the prompt that must be known, exclusive.',
    },
    balance_abs: { default: 32, min: 0, description: 'Difference of requests out of balance.' },
    balance_rel: { default: 1.0001, min: 0, description: 'Ratio of requests out of balance.' },
    eviction_interval_sec: { default: 60, min: 0, description: 'Time between evictions.' },
    max_tree_tokens: {
      default: 4_194_304,
      min: 1,
      description: 'Tokens per backend that an eviction leaves.',
    },
    ties: firstOfTiesParameter,
  },
  presets: {
    skypilot: {
      description:
        'The constants of the branch; 2^24 characters are 4,194,304 tokens. It reads queues every 100 ms: give that as visibility.',
      mirrors: 'SkyPilot, SkyWalker branch; commit not established',
      parameters: { max_waiting: 0, check_ms: 10 },
    },
  },
  create: (parameters) => {
    const { max_waiting, check_ms, cache_threshold, balance_abs, balance_rel } = parameters
    const tree = new RadixTree()
    const path = new PromptPath()
    /** When each request that waits was last looked at, in the order in which they came. */
    const line = new Map<number, number>()
    let matched = new Float64Array(0)
    let costs = new Float64Array(0)
    let evictedMs = 0

    function evict({ ids, nowMs }: ClusterView): void {
      if (nowMs - evictedMs < parameters.eviction_interval_sec * 1000) return
      evictedMs = nowMs
      for (let i = 0; i < ids.length; i++) tree.evict(ids[i]!, parameters.max_tree_tokens)
    }

    /** Whether nobody is ahead who still waits: clients may have given up. */
    function isNext(id: number, nowMs: number): boolean {
      for (const [other, seenMs] of line) {
        if (other === id) return true
        if (nowMs - seenMs <= 2 * check_ms) return false
        line.delete(other)
      }
      return true
    }

    function wait(id: number, nowMs: number) {
      line.set(id, nowMs)
      // All that wait are looked at together, in the order in which they came.
      return hold((Math.floor(nowMs / check_ms) + 1) * check_ms)
    }

    return {
      route(request, cluster) {
        const { columns, ids, nowMs, notes } = cluster
        if (countAvailable(cluster) === 0) {
          notes?.branch('none is available')
          line.delete(request.id)
          return noAvailableBackend
        }
        if (!isNext(request.id, nowMs)) {
          notes?.branch('others wait before it')
          return wait(request.id, nowMs)
        }
        evict(cluster)
        request.promptPath(path)
        matched = columnFor(matched, cluster)
        costs = columnFor(costs, cluster)
        tree.match(path, matched)
        notes?.believedTokens(matched)
        notes?.terms('requests', columns.outstanding)
        let best = 0
        let least = Number.POSITIVE_INFINITY
        let most = 0
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          if (!isCandidate(cluster, id)) continue
          best = Math.max(best, matched[id]!)
          least = Math.min(least, columns.outstanding[id]!)
          most = Math.max(most, columns.outstanding[id]!)
        }
        if (least === Number.POSITIVE_INFINITY) {
          notes?.branch('all have requests that wait')
          return wait(request.id, nowMs)
        }
        const isUneven = most - least > balance_abs && most > balance_rel * least
        const isKnown = !isUneven && best / request.promptTokens > cache_threshold
        notes?.branch(
          isUneven
            ? 'out of balance'
            : isKnown
              ? 'owners of the known prefix'
              : 'not enough is known',
        )
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const takes = isCandidate(cluster, id) && (!isKnown || matched[id] === best)
          costs[id] = takes ? columns.outstanding[id]! : Number.POSITIVE_INFINITY
        }
        line.delete(request.id)
        const chosen = leastOf(cluster, costs, parameters.ties)
        if (chosen.kind === 'backend') tree.insert(path, chosen.id, request.promptTokens)
        return chosen
      },
      onAbandoned: ({ id }) => void line.delete(id),
      onRunsForgotten: (ids) => tree.forget(ids),
      customMetrics: () => ({ tree_nodes: tree.size }),
    }

    function isCandidate(cluster: ClusterView, id: number): boolean {
      return isAvailable(cluster, id) && cluster.columns.waiting[id]! <= max_waiting
    }
  },
})
