import { type BackendView, type ClusterView, type Reject, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { isAvailable, noAvailableBackend } from './available.js'
import type { TieRule } from './ties.js'

/** What a picker compares backends by. Infinite scores are allowed, NaN is an error. */
export type BackendScore = (backend: BackendView) => number

/**
 * The available backend with the lowest score, or a rejection `no_available_backend` when there is
 * none. `score` is called once per available backend, in order of id. One pass, no allocation.
 *
 * @param ties - `random` draws one number from the cluster's stream for each tie met, none otherwise
 * @throws RouteSimError `score_invalid` when a score is NaN
 * @example
 * leastBy(cluster, (backend) => backend.pendingPromptTokens)
 */
export function leastBy(
  cluster: ClusterView,
  score: BackendScore,
  ties: TieRule = 'random',
): BackendView | Reject {
  return pick(cluster, score, 1, ties)
}

/**
 * The available backend with the highest score; otherwise as {@link leastBy}.
 *
 * @throws RouteSimError `score_invalid` when a score is NaN
 * @example
 * mostBy(cluster, (backend) => backend.maxNumSeqs - backend.running, 'first')
 */
export function mostBy(
  cluster: ClusterView,
  score: BackendScore,
  ties: TieRule = 'random',
): BackendView | Reject {
  return pick(cluster, score, -1, ties)
}

function pick(
  cluster: ClusterView,
  score: BackendScore,
  sign: 1 | -1,
  ties: TieRule,
): BackendView | Reject {
  const { backends, notes } = cluster
  const costs = notes === undefined ? undefined : new Map<number, number>()
  let best: BackendView | undefined
  let bestCost = 0
  let tied = 0
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i]!
    if (!backend.available) continue
    const cost = sign * score(backend)
    if (Number.isNaN(cost)) throw scoreIsNaN(backend)
    costs?.set(backend.id, cost)
    if (best === undefined || cost < bestCost) {
      best = backend
      bestCost = cost
      tied = 1
    } else if (cost === bestCost && ties === 'random') {
      // Reservoir sampling: the k-th of the tied replaces the choice with probability 1/k.
      tied++
      if (cluster.random.integer(tied) === 0) best = backend
    }
  }
  const chosen = best ?? noAvailableBackend
  if (notes !== undefined && costs !== undefined) {
    if (sign === -1) notes.highest()
    notes.compared(cluster, columnOf(cluster, costs), chosen)
  }
  return chosen
}

/** Costs by id; backends without one are ruled out. */
function columnOf({ columns }: ClusterView, costs: ReadonlyMap<number, number>): Float64Array {
  const column = new Float64Array(columns.waiting.length).fill(Number.POSITIVE_INFINITY)
  for (const [id, cost] of costs) column[id] = cost
  return column
}

/**
 * The available backend with the lowest cost, read from a column indexed by backend id; a rejection
 * `no_available_backend` when there is none. The fast way for large fleets. O(backends), no allocation.
 *
 * @param ties - `random` draws one number from the cluster's stream when there is a tie
 * @throws RouteSimError `score_invalid` when a cost is NaN
 * @example
 * leastOf(cluster, cluster.columns.outstanding)
 */
export function leastOf(
  cluster: ClusterView,
  costs: ArrayLike<number>,
  ties: TieRule = 'random',
): BackendView | Reject {
  const chosen = cheapest(cluster, costs, ties)
  cluster.notes?.compared(cluster, costs, chosen)
  return chosen
}

function cheapest(
  cluster: ClusterView,
  costs: ArrayLike<number>,
  ties: TieRule,
): BackendView | Reject {
  const { backends, columns, ids } = cluster
  const { waiting, maxQueueDepth } = columns
  const size = ids.length
  // Nearly always one alone is the cheapest, and available: one plain pass.
  let least = Number.POSITIVE_INFINITY
  let first = 0
  let tied = 0
  for (let i = 0; i < size; i++) {
    const cost = costs[ids[i]!]!
    if (cost > least) continue
    if (cost < least) {
      least = cost
      first = i
      tied = 1
    } else if (cost === least) tied++
    else throw scoreIsNaN(backends[i]!)
  }
  if (tied === 0 || !isAvailable(cluster, ids[first]!)) {
    least = leastAvailable(cluster, costs)
    first = 0
  } else if (tied === 1 || ties === 'first') return backends[first]!
  tied = 0
  for (let i = first; i < size; i++) {
    const id = ids[i]!
    if (costs[id] !== least || waiting[id]! >= maxQueueDepth[id]!) continue
    if (tied++ > 0) continue
    first = i
    if (ties === 'first') break
  }
  if (tied === 0) return noAvailableBackend
  if (tied === 1) return backends[first]!
  let skip = cluster.random.integer(tied)
  let chosen = first
  while (skip > 0) {
    const id = ids[++chosen]!
    if (costs[id] === least && waiting[id]! < maxQueueDepth[id]!) skip--
  }
  return backends[chosen]!
}

/** The lowest cost of the available backends. */
function leastAvailable(cluster: ClusterView, costs: ArrayLike<number>): number {
  const { backends, ids } = cluster
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < ids.length; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    const cost = costs[ids[i]!]!
    if (Number.isNaN(cost)) throw scoreIsNaN(backends[i]!)
    if (cost < least) least = cost
  }
  return least
}

function scoreIsNaN(backend: BackendView): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(`score of backend ${backend.id}: expected a number, got NaN`, {
    code: 'score_invalid',
    hint: 'Check the scoring function for 0 / 0 and for fields that do not exist.',
  })
}
