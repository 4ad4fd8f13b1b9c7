import type { BackendView, ClusterView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * The backend that the request's session used last, while it is available; otherwise, and for a
 * session's first request, the least Q + A, which the session then keeps. Requests without a
 * session go to the least Q + A. Ties follow `ties`.
 *
 * When a new session would make more than `max_sessions`, the half that was used least recently is
 * forgotten first. Custom metric: `active_sessions`, the sessions remembered.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim. O(backends), and amortised O(1) for
 * the sessions.
 */
export const sessionAffinity: RouterDefinition = defineRouter({
  name: 'session_affinity',
  description: 'Keeps each session on one backend while it is available.',
  observes: ['session', 'queue lengths'],
  rule: 'The backend that the session used last while it is available; else, and for a new session or none, the fewest requests. Past max_sessions, the half used least recently is forgotten.',
  wins: 'Conversations are long and about equally heavy.',
  loses: 'A few sessions make most of the load.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
  parameters: {
    max_sessions: {
      default: 100_000,
      min: 1,
      integer: true,
      description: 'Sessions remembered at most.',
    },
    ties: tiesParameter,
  },
  create: ({ max_sessions, ties }) => {
    /** Backend id by session, the least recently used first. */
    const backendIds = new Map<string, number>()

    function forgetOldestHalf(): void {
      let remaining = Math.ceil(backendIds.size / 2)
      for (const session of backendIds.keys()) {
        if (remaining-- === 0) return
        backendIds.delete(session)
      }
    }

    return {
      route(request, cluster) {
        const { session } = request
        if (session === undefined) return leastOf(cluster, cluster.columns.outstanding, ties)
        const backendId = backendIds.get(session)
        if (backendId !== undefined) {
          backendIds.delete(session)
          const backend = findBackend(cluster, backendId)
          if (backend?.available) {
            backendIds.set(session, backendId)
            cluster.notes?.branch('home of the session')
            return backend
          }
        }
        cluster.notes?.branch(
          backendId === undefined ? 'new session: fewest requests' : 'home not available',
        )
        const chosen = leastOf(cluster, cluster.columns.outstanding, ties)
        if (chosen.kind === 'backend') {
          if (backendIds.size >= max_sessions) forgetOldestHalf()
          backendIds.set(session, chosen.id)
        }
        return chosen
      },
      customMetrics: () => ({ active_sessions: backendIds.size }),
    }
  },
})

/** An id is not a position when the cluster is a pool of a larger one. */
function findBackend({ backends }: ClusterView, id: number): BackendView | undefined {
  for (let i = 0; i < backends.length; i++) if (backends[i]!.id === id) return backends[i]
  return undefined
}
