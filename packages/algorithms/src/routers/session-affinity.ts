import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { anyAvailable } from '../pickers/available.js'
import { columnFor, grown } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * The backend that the request's session used last, while it is available; otherwise, and for a
 * session's first request, the least Q + A, which the session then keeps. Requests without a
 * session go to the least Q + A. Ties follow `ties`.
 *
 * With `assign` random a new session, or a request without one, goes anywhere, with fewest_sessions to the backend that has the fewest. A session
 * remembers its last `homes` backends and goes to the first of them that is available. One that was not used for
 * `idle_sec` is new again.
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
  rule: 'The backend that the session used last while it is available; else, and for a new session or none, the fewest requests, or as assign says. Past max_sessions, the half used least recently is forgotten.',
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
    assign: {
      default: 'least',
      choices: ['least', 'random', 'fewest_sessions'],
      description: 'Where sessions without an available backend go.',
    },
    homes: {
      default: 1,
      min: 1,
      max: 8,
      integer: true,
      description: 'Backends that a session remembers.',
    },
    idle_sec: {
      default: 0,
      min: 0,
      description: 'Time without requests after which a session is forgotten; 0 for never.',
    },
    ties: tiesParameter,
  },
  presets: {
    kube_proxy: {
      description:
        'A Service whose clients keep their connections: each goes anywhere when it is opened, and stays. A session stands for a connection; without one each request has its own.',
      mirrors: 'Kubernetes Service, kube-proxy in iptables mode',
      parameters: { assign: 'random' },
    },
    smg_manual: {
      description:
        'The policy manual: two backends for each key, anywhere at first, forgotten after 4 h.',
      mirrors: 'SMG at f8daa88, manual',
      parameters: { assign: 'random', homes: 2, idle_sec: 14_400 },
    },
    smg_manual_min_load: {
      description: 'The same with min_load.',
      mirrors: 'SMG at f8daa88, manual, min_load',
      parameters: { assign: 'least', homes: 2, idle_sec: 14_400, ties: 'random' },
    },
    smg_manual_min_group: {
      description: 'The same with min_group: the backend with the fewest keys.',
      mirrors: 'SMG at f8daa88, manual, min_group',
      parameters: { assign: 'fewest_sessions', homes: 2, idle_sec: 14_400, ties: 'random' },
    },
    vllm_router: {
      description: 'The map of sessions before its tree, alone: entries of 3,600 s.',
      mirrors: 'vllm-project/router, main of 2026; commit not established',
      parameters: { idle_sec: 3600 },
    },
  },
  create: ({ max_sessions, assign, homes, idle_sec, ties }) => {
    /** Backends by session, the oldest first; sessions in order of use, the least recently used first. */
    const homesBySession = new Map<string, Homes>()
    let counts = new Float64Array(0)

    function forget(session: string, { ids }: Homes): void {
      homesBySession.delete(session)
      for (const id of ids) counts[id] = counts[id]! - 1
    }

    function forgetOldestHalf(): void {
      let remaining = Math.ceil(homesBySession.size / 2)
      for (const [session, known] of homesBySession) {
        if (remaining-- === 0) return
        forget(session, known)
      }
    }

    function forgetIdle(nowMs: number): void {
      for (const [session, known] of homesBySession) {
        if (nowMs - known.usedMs < idle_sec * 1000) return
        forget(session, known)
      }
    }

    function reserve(cluster: ClusterView): void {
      counts = grown(counts, columnFor(counts, cluster))
    }

    /** Where a request without a session goes. */
    function unbound(cluster: ClusterView): BackendView | Reject {
      if (assign === 'random') return anyAvailable(cluster)
      return leastOf(cluster, cluster.columns.outstanding, ties)
    }

    function assigned(cluster: ClusterView): BackendView | Reject {
      return assign === 'fewest_sessions' ? leastOf(cluster, counts, ties) : unbound(cluster)
    }

    function remember(session: string, known: Homes | undefined, id: number, nowMs: number): void {
      if (known === undefined && homesBySession.size >= max_sessions) forgetOldestHalf()
      const ids = known?.ids ?? []
      if (ids.length >= homes) counts[ids[0]!] = counts[ids.shift()!]! - 1
      ids.push(id)
      counts[id] = counts[id]! + 1
      homesBySession.set(session, { ids, usedMs: nowMs })
    }

    return {
      route(request, cluster) {
        const { session } = request
        if (session === undefined) return unbound(cluster)
        const { nowMs } = cluster
        reserve(cluster)
        if (idle_sec > 0) forgetIdle(nowMs)
        const known = homesBySession.get(session)
        if (known !== undefined) {
          // Taken out and put back, it is the last used.
          homesBySession.delete(session)
          homesBySession.set(session, known)
          known.usedMs = nowMs
          for (const id of known.ids) {
            const backend = findBackend(cluster, id)
            if (backend?.available !== true) continue
            cluster.notes?.branch('home of the session')
            return backend
          }
        }
        cluster.notes?.branch(known === undefined ? 'new session' : 'home not available')
        const chosen = assigned(cluster)
        if (chosen.kind === 'backend') remember(session, known, chosen.id, nowMs)
        // One whose backend is gone, with nobody to take it, is new when it comes again.
        else if (known !== undefined) forget(session, known)
        return chosen
      },
      customMetrics: () => ({ active_sessions: homesBySession.size }),
    }
  },
})

/** Where a session has been, and when it was used last. */
interface Homes {
  readonly ids: number[]
  usedMs: number
}

/** An id is not a position when the cluster is a pool of a larger one. */
function findBackend({ backends }: ClusterView, id: number): BackendView | undefined {
  for (let i = 0; i < backends.length; i++) if (backends[i]!.id === id) return backends[i]
  return undefined
}
