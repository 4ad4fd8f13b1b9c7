import { type BackendView, type ClusterView, type Reject, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { isAvailable, noAvailableBackend } from './available.js'
import { leastPlaces } from './least-places.js'
import type { TieRule } from './ties.js'

/** What a picker compares backends by. Infinite scores are allowed, NaN and undefined are errors. */
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
    const found = score(backend)
    const cost = sign * found
    if (Number.isNaN(cost)) throw invalidScore(backend, found)
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
  const { backends, ids } = cluster
  if (places.length < ids.length) places = new Int32Array(2 * ids.length)
  // Nearly always those with the lowest cost are available: one plain pass over all, and one over them.
  let tied = keepAvailable(cluster, placesOfLeast(cluster, costs))
  if (tied === 0) {
    tied = keepAvailable(cluster, placesOf(cluster, costs, leastAvailable(cluster, costs)))
    if (tied === 0) return noAvailableBackend
  }
  if (tied === 1 || ties === 'first') return backends[places[0]!]!
  return backends[places[cluster.random.integer(tied)]!]!
}

/** Places of the backends under consideration, the first in the list of a cluster first. */
let places: Int32Array = new Int32Array(64)
/** Costs in the same order, where they are not of all backends of the cluster. */
let gathered: Float64Array = new Float64Array(64)

/** Below so many costs JavaScript is as fast. */
const FEW = 16

/** Writes the places of the backends with the lowest cost. @returns how many */
function placesOfLeast(cluster: ClusterView, costs: ArrayLike<number>): number {
  const { ids, columns } = cluster
  const size = ids.length
  if (size === 0) return 0
  const byPlace = isWhole(ids, columns) ? costs : gather(costs, ids)
  const native = size < FEW ? undefined : leastPlaces()
  if (native !== undefined) {
    const count = native.find(byPlace, size)
    places = native.places
    if (count > 0) return count
  }
  return tiedAt(leastCost(cluster, byPlace, size), byPlace, size)
}

/** Ids ascend: as many as there are in the columns are all of them, each at the place of its number. */
function isWhole(ids: ArrayLike<number>, { waiting }: ClusterView['columns']): boolean {
  return ids.length === waiting.length
}

function gather(costs: ArrayLike<number>, ids: ArrayLike<number>): Float64Array {
  if (gathered.length < ids.length) gathered = new Float64Array(2 * ids.length)
  for (let i = 0; i < ids.length; i++) gathered[i] = costs[ids[i]!]!
  return gathered
}

/** The lowest cost by place. Four at a time, as in {@link tiedAt}: V8 does not unroll loops; half the time. */
function leastCost({ backends }: ClusterView, costs: ArrayLike<number>, size: number): number {
  let least = checked(costs[0]!, backends, 0)
  let i = 1
  // Asked this way around, NaN is found as well.
  for (; i + 3 < size; i += 4) {
    if (!(costs[i]! >= least)) least = checked(costs[i]!, backends, i)
    if (!(costs[i + 1]! >= least)) least = checked(costs[i + 1]!, backends, i + 1)
    if (!(costs[i + 2]! >= least)) least = checked(costs[i + 2]!, backends, i + 2)
    if (!(costs[i + 3]! >= least)) least = checked(costs[i + 3]!, backends, i + 3)
  }
  for (; i < size; i++) if (!(costs[i]! >= least)) least = checked(costs[i]!, backends, i)
  return least
}

function checked(cost: number, backends: readonly BackendView[], place: number): number {
  // Lists that are too short have undefined in them, which compares with nothing.
  if (!(cost <= Number.POSITIVE_INFINITY)) throw invalidScore(backends[place]!, cost)
  return cost
}

/** Writes the places with one cost, which some place has. @returns how many */
function tiedAt(cost: number, costs: ArrayLike<number>, size: number): number {
  const found = places
  let count = 0
  let i = 0
  while (costs[i] !== cost) i++
  // Each is written in any case, and kept if it counts: no branch that would be guessed wrong.
  for (; i + 3 < size; i += 4) {
    found[count] = i
    count += costs[i] === cost ? 1 : 0
    found[count] = i + 1
    count += costs[i + 1] === cost ? 1 : 0
    found[count] = i + 2
    count += costs[i + 2] === cost ? 1 : 0
    found[count] = i + 3
    count += costs[i + 3] === cost ? 1 : 0
  }
  for (; i < size; i++) {
    found[count] = i
    count += costs[i] === cost ? 1 : 0
  }
  return count
}

/** Writes the places of the backends with one cost. @returns how many */
function placesOf({ ids }: ClusterView, costs: ArrayLike<number>, cost: number): number {
  let count = 0
  for (let i = 0; i < ids.length; i++) if (costs[ids[i]!] === cost) places[count++] = i
  return count
}

/** Leaves out the places of backends that are not available. @returns how many of them are left */
function keepAvailable({ columns, ids }: ClusterView, count: number): number {
  const { waiting, maxQueueDepth } = columns
  const found = places
  let k = 0
  // Nearly always all backends are asked and all are available: then nothing is to be written.
  if (isWhole(ids, columns))
    while (k < count && waiting[found[k]!]! < maxQueueDepth[found[k]!]!) k++
  let kept = k
  for (; k < count; k++) {
    const id = ids[found[k]!]!
    if (waiting[id]! < maxQueueDepth[id]!) found[kept++] = found[k]!
  }
  return kept
}

/** The lowest cost of the available backends. */
function leastAvailable(cluster: ClusterView, costs: ArrayLike<number>): number {
  const { backends, ids } = cluster
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < ids.length; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    const cost = costs[ids[i]!]!
    if (Number.isNaN(cost)) throw invalidScore(backends[i]!, cost)
    if (cost < least) least = cost
  }
  return least
}

function invalidScore({ id }: BackendView, found: unknown): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(`score of backend ${id}: expected a number, got ${found}`, {
    code: 'score_invalid',
    hint: 'Check the scoring function for 0 / 0 and for fields that do not exist.',
  })
}
