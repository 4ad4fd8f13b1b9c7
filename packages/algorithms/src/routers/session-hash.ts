import type { BackendView, ClusterView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { boundedLoad, placeKey } from '../hashing/bounded-load.js'
import { hashString } from '../hashing/hash.js'
import { HashRing } from '../hashing/hash-ring.js'
import { Maglev } from '../hashing/maglev.js'
import { Rendezvous } from '../hashing/rendezvous.js'
import { LowestRate } from '../load/lowest-rate.js'
import { anyAvailable } from '../pickers/available.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * The first available backend of the session's order (its user's, for want of a session): on a ring, by
 * rendezvous, or in a Maglev table. With `load_factor` f above 0, one with at most f (total + 1) / n requests;
 * none such: the first available. Requests without a key follow `without_key`.
 *
 * Source: see {@link HashRing}, {@link Rendezvous}, {@link Maglev} and {@link boundedLoad}. O(log points), and
 * O(backends) with a bound.
 */
export const sessionHash: RouterDefinition = defineRouter({
  name: 'session_hash',
  description: 'Hashes the session to a backend, so that few sessions move when backends change.',
  observes: ['session', 'queue lengths'],
  rule: 'A hash of the session orders the backends; the first that is available, and within the load bound if there is one, is taken.',
  terms: {
    order: 'Place in the order of the session, from 0; also the score.',
    requests: 'Requests on it.',
    limit: 'Most requests it may have.',
  },
  wins: 'Conversations return to their cache, and routers share no state.',
  loses: 'A few sessions make most of the load and there is no bound.',
  source:
    'vllm-project/production-stack at a6c01db, vllm-project/router, smg-project/smg at f8daa88, Envoy',
  parameters: {
    hash: {
      default: 'ring',
      choices: ['ring', 'rendezvous', 'maglev'],
      description: 'How sessions are placed.',
    },
    points: {
      default: 150,
      min: 1,
      integer: true,
      description: 'Points per backend on the ring.',
    },
    table_size: {
      default: 65_537,
      min: 2,
      integer: true,
      description: 'Entries of the Maglev table, a prime.',
    },
    load_factor: {
      default: 0,
      min: 0,
      description: 'Bound on requests as a multiple of the mean; 0 for none.',
    },
    without_key: {
      default: 'least',
      choices: ['least', 'lowest_rate', 'random'],
      description: 'Where requests without a key go: fewest requests, fewest in 60 s, or anywhere.',
    },
    ties: tiesParameter,
  },
  presets: {
    production_stack: {
      description: 'Session routing; the points per backend of its ring are not established.',
      mirrors: 'vLLM production-stack at a6c01db',
      parameters: { without_key: 'lowest_rate' },
    },
    vllm_router: {
      description: 'Consistent hashing; it hashes the body when there is no key, here anywhere.',
      mirrors: 'vllm-project/router, consistent_hash, 2026',
      parameters: { points: 160, without_key: 'random' },
    },
    smg: {
      description: 'Consistent hashing by the routing key.',
      mirrors: 'SMG at f8daa88, consistent_hashing',
      parameters: { points: 150, without_key: 'random' },
    },
    smg_bounded: {
      description: 'The same with at most 1.5 times the mean, from a branch.',
      mirrors: 'SMG branch; not merged at f8daa88',
      parameters: { points: 150, load_factor: 1.5, without_key: 'random' },
    },
    envoy_maglev: {
      description: 'Maglev with 65,537 entries and no bound.',
      mirrors: 'Envoy documentation; version not established',
      parameters: { hash: 'maglev', table_size: 65_537, without_key: 'random' },
    },
    rendezvous: {
      description: 'Rendezvous hashing by the session.',
      mirrors: 'vllm-project/router, rendezvous_hash, 2026',
      parameters: { hash: 'rendezvous', without_key: 'random' },
    },
  },
  create: ({ hash, points, table_size, load_factor, without_key, ties }) => {
    const placement =
      hash === 'ring'
        ? new HashRing(points)
        : hash === 'maglev'
          ? new Maglev(table_size)
          : new Rendezvous()
    const rates = new LowestRate(60_000)
    const bound = { factor: load_factor, margin: 0 }
    return {
      route(request, cluster) {
        const key = request.session ?? request.user
        if (key !== undefined) {
          placement.setMembers(cluster.ids)
          const limit = load_factor > 0 ? boundedLoad(cluster, bound) : Number.POSITIVE_INFINITY
          return placeKey(cluster, placement, hashString(key), limit)
        }
        cluster.notes?.branch('no key')
        if (without_key === 'lowest_rate') return rates.pick(cluster)
        if (without_key === 'least') return leastOf(cluster, cluster.columns.outstanding, ties)
        return anyAvailable(cluster)
      },
      ...(without_key === 'lowest_rate' && {
        onDispatched(_request: RequestView, backend: BackendView, cluster: ClusterView) {
          rates.sent(backend.id, cluster.nowMs)
        },
      }),
    }
  },
})
