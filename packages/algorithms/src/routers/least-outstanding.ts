import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min(Q + A), where Q is the requests waiting and A those running (prefilling ones included). Ties
 * follow `ties`.
 *
 * Source: join the shortest queue (Winston, "Optimality of the shortest line discipline", 1977), as
 * in RouteSim, https://github.com/InfraWhisperer/RouteSim, which missed requests in prefill and
 * gave every tie to backend 0. O(backends).
 */
export const leastOutstanding: RouterDefinition = defineRouter({
  name: 'least_outstanding',
  description: 'Sends to the backend with the fewest requests waiting or running.',
  observes: ['queue lengths'],
  rule: 'Lowest requests waiting plus requests running.',
  wins: 'Requests are alike and nothing is shared.',
  loses: 'Prompts share prefixes, or a few long requests make a backend slow.',
  source:
    'Winston, "Optimality of the shortest line discipline", 1977; RouteSim, https://github.com/InfraWhisperer/RouteSim',
  parameters: { ties: tiesParameter },
  presets: {
    kubeai: {
      description: 'LeastLoad; its ties follow the order of a Go map, here any.',
      mirrors: 'KubeAI at f442a2c',
      parameters: { ties: 'random' },
    },
    aibrix: {
      description: 'The policy least-request, ties at random.',
      mirrors: 'AIBrix at e3e10f9',
      parameters: { ties: 'random' },
    },
    skypilot: {
      description: 'The policy least_load, the default; its ties are not established, here any.',
      mirrors: 'SkyPilot SkyServe; commit not established',
      parameters: { ties: 'random' },
    },
    sagemaker: {
      description: 'LEAST_OUTSTANDING_REQUESTS; its ties are not established, here any.',
      mirrors: 'Amazon SageMaker, API reference',
      parameters: { ties: 'random' },
    },
    envoy_full_scan: {
      description: 'The policy least_request with FULL_SCAN, ties uniform.',
      mirrors: 'Envoy documentation; version not established',
      parameters: { ties: 'random' },
    },
  },
  create: ({ ties }) => ({
    route: (_request, cluster) => leastOf(cluster, cluster.columns.outstanding, ties),
  }),
})
