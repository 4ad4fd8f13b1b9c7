import type { BackendView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { countAvailable, nthAvailable } from '../pickers/available.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * Of two distinct available backends drawn at random, the one with the smaller load: by default Q + A. A single
 * available backend is taken as it is. Ties: `random` keeps the one drawn first, which is either
 * with equal chance; `first` takes the lower id. Two random numbers per request.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE Transactions
 * on Parallel and Distributed Systems 12(10), 2001. O(backends), for finding the available ones.
 */
export const powerOfTwo: RouterDefinition = defineRouter({
  name: 'power_of_two',
  description: 'Draws two backends at random and sends to the one with fewer requests.',
  observes: ['queue lengths'],
  rule: 'Of two distinct available backends drawn at random, the one with the smaller load. A single available one is taken as it is.',
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
    ties: tiesParameter,
  },
  presets: {
    sglang: {
      description: 'Two that differ; the first drawn wins ties.',
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
  create: ({ load, ties }) => ({
    route(_request, cluster) {
      const count = countAvailable(cluster)
      if (count < 2) {
        cluster.notes?.branch('no choice')
        return nthAvailable(cluster, 0)
      }
      const i = cluster.random.integer(count)
      const other = cluster.random.integer(count - 1)
      const j = other < i ? other : other + 1
      const a = nthAvailable(cluster, i)
      const b = nthAvailable(cluster, j)
      if (a.kind === 'reject' || b.kind === 'reject') return a
      const difference = loadOf(a, load) - loadOf(b, load)
      const isFirst = difference === 0 ? ties === 'random' || i < j : difference < 0
      const chosen = isFirst ? a : b
      if (cluster.notes !== undefined) {
        const { notes, columns } = cluster
        const loads = new Float64Array(columns.waiting.length).fill(Number.POSITIVE_INFINITY)
        for (const drawn of [a, b]) loads[drawn.id] = loadOf(drawn, load)
        notes.compared(cluster, loads, chosen)
      }
      return chosen
    },
  }),
})

function loadOf(backend: BackendView, kind: 'own' | 'polled' | 'polled_and_sent'): number {
  if (kind === 'own') return backend.outstanding
  const polled = backend.waiting + backend.running
  return kind === 'polled' ? polled : polled + backend.sentSinceSample
}
