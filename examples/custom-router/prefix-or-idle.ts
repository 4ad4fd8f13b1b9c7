import { defineRouter, leastBy, mostBy } from '@routesim/algorithms'

/**
 * Sends a request to the backend that holds most of its prompt, if that is enough to be worth it and
 * the backend is not much busier than the least busy one; else to the least busy one.
 */
export default defineRouter({
  name: 'prefix_or_idle',
  description: 'Follows a cached prefix, unless it is short or its backend is busy.',
  parameters: {
    min_share: {
      default: 0.2,
      min: 0,
      max: 1,
      description: 'Cached share of the prompt from which it counts.',
    },
    max_extra: {
      default: 8,
      min: 0,
      integer: true,
      description: 'Requests that its backend may have more than the least busy one.',
    },
  },
  create: ({ min_share, max_extra }) => ({
    route(request, cluster) {
      const idle = leastBy(cluster, (backend) => backend.outstanding)
      if (idle.kind === 'reject') return idle
      const cached = cluster.prefixMatch(request)
      const warm = mostBy(cluster, (backend) => cached[backend.id]!)
      if (warm.kind === 'reject') return idle
      const isWorthIt = cached[warm.id]! >= min_share * request.promptTokens
      return isWorthIt && warm.outstanding <= idle.outstanding + max_extra ? warm : idle
    },
  }),
})
