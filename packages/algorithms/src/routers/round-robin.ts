import type { BackendView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { noAvailableBackend } from '../pickers/available.js'

/**
 * The first available backend whose id is greater than the last one used; past the end, the first
 * available. There are no ties.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim. O(backends).
 */
export const roundRobin: RouterDefinition = defineRouter({
  name: 'round_robin',
  description: 'Sends to the available backends in turn.',
  create: () => {
    let lastId = -1
    return {
      route(_request, { backends }) {
        let next: BackendView | undefined
        for (let i = 0; i < backends.length; i++) {
          const backend = backends[i]!
          if (!backend.available) continue
          if (backend.id > lastId) {
            next = backend
            break
          }
          next ??= backend
        }
        if (next === undefined) return noAvailableBackend
        lastId = next.id
        return next
      },
    }
  },
})
