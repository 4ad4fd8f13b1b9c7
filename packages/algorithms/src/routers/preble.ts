import type { BackendView, ClusterView, Reject, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable } from '../pickers/available.js'
import { backendOf, positionOf } from '../pickers/backend-of.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { HomeLoads } from '../prefix-index/home-loads.js'
import { PromptPath } from '../prompt/prompt-path.js'
import { PrebleRebalance } from './preble-rebalance.js'

/**
 * E2, exploitation and exploration: when less of a prompt is new than is known, the backends that have the longest known
 * part of it, of several the one with the lowest cost; else the lowest cost of all. What is known is a tree that is cut
 * where prompts so far have parted. The cost of a backend is the prefill of its prefixes, as {@link HomeLoads} counts it
 * in the last `window_sec`, and `output_tokens` x `tpot_ms` for each of its requests. Ties: the lowest id.
 *
 * Prefixes move from the backend with the highest cost to that with the lowest when one is `rebalance_ratio` times the
 * other, see {@link PrebleRebalance}. With `imbalance` above 0, only the backends with the fewest requests compete while
 * the most and the fewest differ by more.
 *
 * Sources: WukLab/preble, preble/global_scheduler_with_time.py at 8e7906a; Srivatsa et al., "Preble", ICLR 2025;
 * vllm-project/aibrix, pkg/plugins/gateway/algorithms/prefix_cache_preble.go. The cost of making room, off by default
 * there, is left out. O(backends + runs of the prompt + its nodes x owners), and O(prefixes) for a move.
 */
export const preble: RouterDefinition = defineRouter({
  name: 'preble',
  description: 'Follows what is known of a prompt when that is most of it, else goes by cost.',
  observes: ['prompt content', 'own requests', 'time'],
  rule: 'Less new than known: the backends that have the longest known part, of several the one with the lowest cost. Otherwise the lowest cost of all. Costs are the prefill that their prefixes took lately and the decoding of their requests.',
  terms: {
    known_tokens: 'Leading tokens of the prompt, where it has the longest known part.',
    prefill_ms: 'Prefill that its prefixes took in the window, and on aibrix their decoding.',
    decode_ms: 'Decoding of its requests.',
    recent_requests: 'Requests sent there in the window.',
  },
  wins: 'Prompts share most of their tokens in groups of unequal traffic, and answers are short.',
  loses:
    'Answers are long, or one prefix has most of the traffic: it stays with its backend until the TTFT there has doubled.',
  source: 'WukLab/preble, preble/global_scheduler_with_time.py at 8e7906a; ICLR 2025',
  parameters: {
    window_sec: { default: 180, min: 0.001, description: 'How long a request counts.' },
    capacity_tokens: {
      default: 198_516,
      min: 1,
      description: 'Tokens per backend that are believed to stay in its cache.',
    },
    prefill_tokens_per_sec: {
      default: 8300,
      min: 1,
      description: 'Prefill rate of one backend.',
    },
    output_tokens: { default: 45, min: 0, description: 'Tokens that an answer is taken to have.' },
    tpot_ms: { default: 150, min: 0, description: 'Time that a token of an answer takes.' },
    decode_counts: {
      default: 'requests',
      choices: ['requests', 'prefixes'],
      description: 'Whether decoding counts once for each request under way or for each prefix.',
    },
    among_holders: {
      default: 'lowest_cost',
      choices: ['lowest_cost', 'fewest_recent'],
      description: 'Which of several backends that have the prompt takes it.',
    },
    imbalance: {
      default: 0,
      min: 0,
      description: 'Difference of requests above which only the least loaded compete; 0 for never.',
    },
    rebalance_ratio: {
      default: 1.5,
      min: 0,
      description: 'Ratio of costs at which prefixes move; 0 for never.',
    },
    rebalance_after: {
      default: 50,
      min: 0,
      description: 'Requests per backend before prefixes move for the first time.',
    },
    rebalance_interval_ms: {
      default: 10_000,
      min: 0,
      description: 'Time between looks whether prefixes should move; 0 for at every request.',
    },
  },
  presets: {
    preble: {
      description:
        'The constants of the code; its fit of prefill on an A6000 with Mistral-7B as a straight line, at 0.9 of it, and 0.15 s per token, which it measures later. It looks at every request whether prefixes should move; the 10 s between looks that it declares, the default here, are not in use there.',
      mirrors: 'WukLab/preble at 8e7906a (May 2024), which predates the final code of the paper',
      parameters: { prefill_tokens_per_sec: 8300, rebalance_interval_ms: 0 },
    },
    aibrix: {
      description:
        'The policy prefix-cache-preble with its fit for a V100, which moves nothing; its budget of tokens is not established.',
      mirrors: 'AIBrix at e3e10f9, prefix-cache-preble',
      parameters: {
        prefill_tokens_per_sec: 3320,
        decode_counts: 'prefixes',
        among_holders: 'fewest_recent',
        imbalance: 8,
        rebalance_ratio: 0,
      },
    },
  },
  create: (parameters) => {
    const { window_sec, decode_counts, among_holders, imbalance, rebalance_ratio } = parameters
    const decodeMs = parameters.output_tokens * parameters.tpot_ms
    const perRequestMs = decode_counts === 'requests' ? decodeMs : 0
    const homes = new HomeLoads({
      windowMs: window_sec * 1000,
      capacityTokens: parameters.capacity_tokens,
      prefillMsPerToken: 1000 / parameters.prefill_tokens_per_sec,
      perHomeMs: decodeMs - perRequestMs,
    })
    const rebalance = new PrebleRebalance(homes, {
      ratio: rebalance_ratio,
      afterRequests: parameters.rebalance_after,
      intervalMs: parameters.rebalance_interval_ms,
      windowMs: window_sec * 1000,
      perRequestMs,
    })
    const path = new PromptPath()
    const known = { tokens: 0, node: -1 }
    let costs = new Float64Array(0)
    let current: ClusterView | undefined
    let limit = Number.POSITIVE_INFINITY
    let holders = new Float64Array(0)

    /** The fewest requests when the most are out of balance with them, else Infinity. */
    function mostAllowed(cluster: ClusterView): number {
      const { columns, ids, notes } = cluster
      let least = Number.POSITIVE_INFINITY
      let most = 0
      for (let i = 0; i < ids.length; i++) {
        if (!isAvailable(cluster, ids[i]!)) continue
        least = Math.min(least, columns.outstanding[ids[i]!]!)
        most = Math.max(most, columns.outstanding[ids[i]!]!)
      }
      if (most - least <= imbalance) return Number.POSITIVE_INFINITY
      notes?.branch('out of balance')
      return least
    }

    /** Whether a backend competes. */
    const isOpen = (backend: number): boolean =>
      current !== undefined &&
      current.columns.outstanding[backend]! <= limit &&
      isAvailable(current, backend)

    /** The best of those that have a node and compete, -1 for none. */
    function bestHolder(cluster: ClusterView, node: number): number {
      const { outstanding } = cluster.columns
      const count = homes.ownersOf(node)
      const { costsMs, found, recent } = homes
      const byRecent = among_holders === 'fewest_recent'
      let least = Number.POSITIVE_INFINITY
      let best = -1
      for (let k = 0; k < count; k++) {
        const id = found[k]!
        if (!isOpen(id) || positionOf(cluster, id) === -1) continue
        const cost = byRecent ? recent[id]! : costsMs[id]! + perRequestMs * outstanding[id]!
        if (cost > least || (cost === least && id > best)) continue
        least = cost
        best = id
      }
      return best
    }

    /** The one with the lowest cost of all, -1 when it takes none. */
    function cheapest(cluster: ClusterView): number {
      const { columns, ids } = cluster
      const { costsMs } = homes
      const { outstanding } = columns
      // Constants of this call: V8 looks at what a closure has anew for every backend.
      const perRequest = perRequestMs
      const size = ids.length
      let least = Number.POSITIVE_INFINITY
      let best = -1
      for (let i = 0; i < size; i++) {
        const id = ids[i]!
        const cost = costsMs[id]! + perRequest * outstanding[id]!
        if (cost >= least) continue
        least = cost
        best = id
      }
      return best !== -1 && isAvailable(cluster, best) ? best : -1
    }

    /** Decides without a word when the rule comes to one that competes at once, -1 when not. */
    function quick(request: RequestView, cluster: ClusterView, last: number): number {
      const knownTokens = last === -1 ? 0 : homes.endOf(last)
      if (request.promptTokens - knownTokens < knownTokens) {
        return bestHolder(cluster, last)
      }
      return limit === Number.POSITIVE_INFINITY ? cheapest(cluster) : -1
    }

    function weigh(request: RequestView, cluster: ClusterView): void {
      const { columns, ids, notes } = cluster
      homes.deepest(isOpen, known)
      const exploits = request.promptTokens - known.tokens < known.tokens
      if (exploits || notes !== undefined) homes.holders(known.node, holders)
      notes?.branch(
        exploits ? 'more is known than new: its holders' : 'more is new than known: all',
      )
      const { costsMs, recent } = homes
      const { outstanding } = columns
      // Constants of this call: V8 looks at what a closure has anew for every backend.
      const [out, held, most, perRequest] = [costs, holders, limit, perRequestMs]
      const size = ids.length
      const byRecent = exploits && among_holders === 'fewest_recent'
      for (let i = 0; i < size; i++) {
        const id = ids[i]!
        const requests = outstanding[id]!
        const competes = requests <= most && (!exploits || held[id] === 1)
        const cost = byRecent ? recent[id]! : costsMs[id]! + perRequest * requests
        out[id] = competes ? cost : Number.POSITIVE_INFINITY
      }
      if (notes === undefined) return
      notes.terms('prefill_ms', costsMs)
      notes.terms('recent_requests', recent)
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        notes.term('known_tokens', id, holders[id] === 1 ? known.tokens : 0)
        notes.term('decode_ms', id, perRequestMs * columns.outstanding[id]!)
      }
    }

    function choose(
      request: RequestView,
      cluster: ClusterView,
      last: number,
    ): BackendView | Reject {
      if (cluster.notes === undefined) {
        const best = quick(request, cluster, last)
        if (best !== -1) return backendOf(cluster, best)
      }
      weigh(request, cluster)
      return leastOf(cluster, costs, 'first')
    }

    return {
      route(request, cluster) {
        request.promptPath(path)
        costs = columnFor(costs, cluster)
        holders = columnFor(holders, cluster)
        homes.update(costs.length, cluster.nowMs)
        current = cluster
        limit = imbalance > 0 ? mostAllowed(cluster) : Number.POSITIVE_INFINITY
        const { nowMs } = cluster
        const { promptTokens } = request
        homes.read(path, nowMs)
        // Among all, and not only those that compete.
        const last = homes.lastOwned()
        const chosen = choose(request, cluster, last)
        if (chosen.kind === 'backend') {
          const hit = last === -1 ? 0 : homes.endOf(last)
          const at = homes.sent(promptTokens, hit, chosen.id, nowMs)
          rebalance.sent(request, at, cluster)
        }
        return chosen
      },
      onDispatched({ id }) {
        rebalance.began(id)
      },
      onFinished({ id }, backend, cluster, { ttftMs }) {
        rebalance.ended(id, backend.id, ttftMs, cluster.nowMs)
      },
      onBackendChange({ id }, change) {
        if (change === 'removed' || change === 'unhealthy') homes.remove(id)
      },
      onRunsForgotten: (ids) => homes.forget(ids),
      customMetrics: () => ({ preble_prefixes: homes.size, preble_moves: rebalance.moves }),
    }
  },
})
