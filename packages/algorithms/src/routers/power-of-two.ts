import { type BackendView, type ClusterView, hold, type RoutingDecision } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { countAvailable, nthAvailable } from '../pickers/available.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * Of two available backends drawn at random, the one with the smaller load: by default Q + A. They are distinct unless
 * `replacement` is on. A single available backend is taken as it is. Ties: `random` keeps the one drawn first, which is
 * either with equal chance; `first` takes the lower id. Two random numbers per request.
 *
 * With `max_requests` above 0, one with as many requests of this router is not taken: the other is, or when neither can
 * be, the request waits here and draws anew after `retry_ms`.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE Transactions
 * on Parallel and Distributed Systems 12(10), 2001. O(backends), for finding the available ones.
 */
export const powerOfTwo: RouterDefinition = defineRouter({
  name: 'power_of_two',
  description: 'Draws two backends at random and sends to the one with fewer requests.',
  observes: ['queue lengths'],
  rule: 'Of two available backends drawn at random, distinct unless replacement is on, the one with the smaller load. A single available one is taken as it is. With max_requests, one that has as many is not taken, and when neither can be the request draws anew after retry_ms.',
  wins: 'Load is known late: it does not send everything to one backend.',
  loses: 'Load is exact, when the least of all is better.',
  source: 'Mitzenmacher, IEEE TPDS 12(10), 2001',
  parameters: {
    load: {
      default: 'own',
      choices: ['own', 'polled', 'polled_and_sent'],
      description:
        'What is compared: own requests under way, the last metrics, or these and what was sent since.',
    },
    replacement: {
      default: false,
      description: 'Whether the same backend may be drawn twice.',
    },
    max_requests: {
      default: 0,
      min: 0,
      integer: true,
      description: 'Own requests from which a backend is not taken; 0 for no limit.',
    },
    retry_ms: {
      default: 50,
      min: 0.001,
      description: 'Time after which a request that found no room draws anew.',
    },
    ties: tiesParameter,
  },
  presets: {
    envoy: {
      description:
        'The policy least_request with equal weights: two draws with replacement, the first wins ties.',
      mirrors: 'Envoy documentation; version not established',
      parameters: { replacement: true, ties: 'random' },
    },
    ray: {
      description:
        'The default router of Ray Serve: queue lengths by the last probe and what was sent since, at most 5 requests under way (the default of max_ongoing_requests). Those that find no room try again, each by itself and not in one queue, after a time that is not established: 50 ms here. Its cache of 10 s is the interval of the metrics.',
      mirrors: 'Ray Serve, request_router/pow_2_router.py; commit not established',
      parameters: { load: 'polled_and_sent', max_requests: 5, ties: 'random' },
    },
    sglang: {
      description:
        'Two that differ; the first drawn wins ties. It compares polled token loads where both have them, which are not mirrored: own requests here.',
      mirrors: 'sgl-model-gateway and smg-project/smg at f8daa88, power_of_two',
      parameters: { ties: 'random' },
    },
    vllm_router_polled: {
      description: 'Polled loads only, as before pull request 178.',
      mirrors: 'vllm-project/router, power_of_two; commit not established',
      parameters: { load: 'polled', ties: 'random' },
    },
    vllm_router: {
      description: 'Polled loads and what was sent since.',
      mirrors: 'vllm-project/router with pull request 178; commit not established',
      parameters: { load: 'polled_and_sent', ties: 'random' },
    },
  },
  create: ({ load, replacement, max_requests, retry_ms, ties }) => {
    /** The one of two that is drawn, unless `max_requests` keeps it out. */
    function chosenOf(
      cluster: ClusterView,
      a: BackendView,
      b: BackendView,
      isFirstLower: boolean,
    ): RoutingDecision {
      const difference = loadOf(a, load) - loadOf(b, load)
      const isFirst = difference === 0 ? ties === 'random' || isFirstLower : difference < 0
      const better = isFirst ? a : b
      const worse = isFirst ? b : a
      if (max_requests === 0 || better.outstanding < max_requests) return better
      if (worse.outstanding < max_requests) return worse
      cluster.notes?.branch('neither has room')
      return hold(cluster.nowMs + retry_ms)
    }

    return {
      route(_request, cluster) {
        const count = countAvailable(cluster)
        if (count === 0 || (count === 1 && max_requests === 0)) {
          cluster.notes?.branch('no choice')
          return nthAvailable(cluster, 0)
        }
        const i = count > 1 ? cluster.random.integer(count) : 0
        let j = i
        if (replacement && count > 1) j = cluster.random.integer(count)
        else if (count > 1) {
          const other = cluster.random.integer(count - 1)
          j = other < i ? other : other + 1
        }
        const a = nthAvailable(cluster, i)
        const b = nthAvailable(cluster, j)
        if (a.kind === 'reject' || b.kind === 'reject') return a
        const chosen = chosenOf(cluster, a, b, i < j)
        if (cluster.notes !== undefined && chosen.kind === 'backend') {
          const { notes, columns } = cluster
          const loads = new Float64Array(columns.waiting.length).fill(Number.POSITIVE_INFINITY)
          for (const drawn of [a, b]) {
            const hasRoom = max_requests === 0 || drawn.outstanding < max_requests
            if (hasRoom) loads[drawn.id] = loadOf(drawn, load)
          }
          notes.compared(cluster, loads, chosen)
        }
        return chosen
      },
    }
  },
})

function loadOf(backend: BackendView, kind: 'own' | 'polled' | 'polled_and_sent'): number {
  if (kind === 'own') return backend.outstanding
  const polled = backend.waiting + backend.running
  return kind === 'polled' ? polled : polled + backend.sentSinceSample
}
