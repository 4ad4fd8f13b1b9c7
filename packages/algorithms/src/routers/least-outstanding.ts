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
  parameters: { ties: tiesParameter },
  create: ({ ties }) => ({
    route: (_request, cluster) => leastOf(cluster, cluster.columns.outstanding, ties),
  }),
})
