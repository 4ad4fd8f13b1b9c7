import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min(share of KV blocks held by running requests). Ties follow `ties`.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim, which also counted idle cached
 * blocks and so fled from warm caches; here only blocks in use count. O(backends).
 */
export const leastKv: RouterDefinition = defineRouter({
  name: 'least_kv',
  description:
    'Sends to the backend whose running requests use the smallest share of its KV cache.',
  observes: ['kv usage'],
  rule: 'Lowest share of KV blocks held by running requests; blocks kept only for reuse do not count.',
  wins: 'Memory is the bottleneck and contexts are long.',
  loses: 'Prefill is the bottleneck: waiting prompts hold no KV cache yet.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
  parameters: { ties: tiesParameter },
  create: ({ ties }) => ({
    route: (_request, cluster) => leastOf(cluster, cluster.kvUsages(), ties),
  }),
})
