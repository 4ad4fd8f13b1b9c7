import type { ClusterView, RequestView, RoutingDecision } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable, noAvailableBackend } from '../pickers/available.js'

/**
 * min of p (n + 1): p the uncached tokens of this prompt, with `counts_queued` also those of prompts under way
 * there, n the requests on the backend. Ties: fewer requests, then fewer tokens, then the lowest id.
 *
 * Source: LMetric, arXiv 2603.15202, in the form of the branch of smg-project/smg; whether the paper counts
 * queued prompts is not established. O(backends) and one prefix match.
 */
export const lmetric: RouterDefinition = defineRouter({
  name: 'lmetric',
  description: 'Multiplies uncached prompt tokens by requests and takes the least.',
  observes: ['queue lengths', 'kv cache contents'],
  rule: 'Lowest uncached tokens x (requests + 1); no weights to tune.',
  terms: {
    tokens: 'Uncached tokens of this prompt, and queued ones if they count.',
    requests: 'Requests on it.',
  },
  wins: 'Traffic changes and nobody wants to tune weights.',
  loses: 'A prompt cached whole costs nothing, so that its holder is taken however busy it is.',
  source: 'arXiv 2603.15202',
  parameters: {
    counts_queued: {
      default: false,
      description: 'Whether prompt tokens of requests without a first token count too.',
    },
  },
  presets: {
    branch: {
      description: 'Only this prompt counts.',
      mirrors: 'smg-project/smg, branch lmetric; commit not established',
      parameters: { counts_queued: false },
    },
  },
  create: ({ counts_queued }) => ({
    route(request, cluster) {
      const { backends, columns, ids, notes } = cluster
      const { outstanding, pendingPromptTokens } = columns
      const matched = cluster.prefixMatch(request)
      let best = -1
      let bestTokens = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        if (!isAvailable(cluster, id)) continue
        const queued = counts_queued ? pendingPromptTokens[id]! : 0
        const tokens = request.promptTokens - matched[id]! + queued
        const requests = outstanding[id]!
        if (best !== -1) {
          const known = outstanding[ids[best]!]!
          const difference = tokens * (requests + 1) - bestTokens * (known + 1)
          if (difference > 0) continue
          if (
            difference === 0 &&
            (requests > known || (requests === known && tokens >= bestTokens))
          )
            continue
        }
        best = i
        bestTokens = tokens
      }
      const chosen = best === -1 ? noAvailableBackend : backends[best]!
      if (notes !== undefined) note(request, cluster, counts_queued, chosen)
      return chosen
    },
  }),
})

/** Apart, as its closures would cost every request an allocation. */
function note(
  request: RequestView,
  cluster: ClusterView,
  countsQueued: boolean,
  chosen: RoutingDecision,
): void {
  const { columns, notes } = cluster
  const matched = cluster.prefixMatch(request)
  const tokens = Float64Array.from(columns.waiting, (_, id) => {
    const queued = countsQueued ? columns.pendingPromptTokens[id]! : 0
    return request.promptTokens - matched[id]! + queued
  })
  const costs = tokens.map((each, id) => each * (columns.outstanding[id]! + 1))
  notes?.terms('tokens', tokens)
  notes?.terms('requests', columns.outstanding)
  notes?.compared(cluster, costs, chosen)
}
