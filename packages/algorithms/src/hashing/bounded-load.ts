import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { isAvailable, noAvailableBackend } from '../pickers/available.js'
import { backendOf } from '../pickers/backend-of.js'
import type { KeyPlacement } from './key-placement.js'
import { rendezvousWeight } from './rendezvous.js'

/** How much more than the average a backend may have before its keys go elsewhere. */
export interface LoadBound {
  /** Bound as a multiple of the average: 1.25 allows a quarter more. */
  readonly factor: number
  /** Bound as so many requests above the average; the looser of the two holds. */
  readonly margin: number
}

/**
 * The most requests a backend may have when it is given one more, max(a f, a + m) with a =
 * (total + 1) / n, over all backends of the cluster, healthy or not. O(backends).
 *
 * Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018; the
 * margin is SGLang's (smg-project/smg pull request 2150).
 */
export function boundedLoad({ columns, ids }: ClusterView, { factor, margin }: LoadBound): number {
  let total = 0
  for (let i = 0; i < ids.length; i++) total += columns.outstanding[ids[i]!]!
  const average = (total + 1) / ids.length
  return Math.max(average * factor, margin > 0 ? average + margin : 0)
}

/**
 * The same in whole requests: ceil(ceil((total + 1) f) / n), at least 1, over the available backends, to whose share of
 * the requests of all. Infinity when none is available. O(backends).
 *
 * @param factor - f, taken in whole percent
 *
 * Source: Envoy, source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc at 0336fd6, with equal weights.
 */
export function boundedSlots(cluster: ClusterView, factor: number): number {
  const { columns, ids } = cluster
  let total = 0
  let count = 0
  for (let i = 0; i < ids.length; i++) {
    total += columns.outstanding[ids[i]!]!
    if (isAvailable(cluster, ids[i]!)) count++
  }
  const slots = Math.ceil(((total + 1) * Math.round(100 * factor)) / 100)
  return count === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(slots / count))
}

/**
 * Where a key goes whose first backend is above the bound: to the next of its order, to the fewest requests, or on in an
 * order that is another for every key, so that what is too much for one backend does not all fall on one neighbour.
 */
export type Overflow = 'next' | 'least' | 'shuffled'

/**
 * The first available backend of a key's order with at most `limit` requests; when all have more, the
 * first available one. A rejection when none is available.
 *
 * @param hash - the key, as an unsigned 32-bit hash
 * @param limit - Infinity for no bound
 * @param overflow - `least` takes the fewest requests of all, the first of equals in the key's order, when the first
 * available one has more than `limit`; `shuffled` the first with at most `limit` by {@link Rendezvous} weights, which
 * with the key's own first one before all is the order of equals where all have more and the fewest requests count
 */
export function placeKey(
  cluster: ClusterView,
  placement: KeyPlacement,
  hash: number,
  limit: number,
  overflow: Overflow = 'next',
): BackendView | Reject {
  const chosen =
    overflow === 'next'
      ? firstWithin(cluster, placement, hash, limit)
      : overflow === 'least'
        ? firstOrLeast(cluster, placement, hash, limit)
        : firstOrShuffled(cluster, placement, hash, limit)
  if (cluster.notes !== undefined) {
    const order =
      overflow === 'shuffled'
        ? shuffledOrder(cluster, placement, hash)
        : orderOf(cluster, placement, hash)
    note(cluster, order, limit, chosen)
  }
  return chosen
}

/** Apart, as its closures would cost every request an allocation. */
function note(
  cluster: ClusterView,
  order: Float64Array,
  limit: number,
  chosen: BackendView | Reject,
): void {
  const { backends, columns, notes } = cluster
  const isWithin = (id: number): boolean => columns.outstanding[id]! <= limit
  // When all that are available are above the bound, it rules nobody out.
  const isAny = !backends.some(({ id, available }) => available && isWithin(id))
  notes?.terms('order', order)
  if (limit < Number.POSITIVE_INFINITY) {
    notes?.terms('requests', columns.outstanding)
    notes?.terms(
      'limit',
      order.map(() => limit),
    )
  }
  const costs = order.map((place, id) => (isAny || isWithin(id) ? place : Number.POSITIVE_INFINITY))
  notes?.compared(cluster, costs, chosen)
}

/** Where each backend stands in a key's order, from 0, by id. */
function orderOf(
  { columns }: ClusterView,
  placement: KeyPlacement,
  hash: number,
): Float64Array<ArrayBuffer> {
  const order = new Float64Array(columns.waiting.length).fill(Number.POSITIVE_INFINITY)
  let place = 0
  for (let id = placement.first(hash); id !== -1; id = placement.next()) order[id] = place++
  return order
}

function firstWithin(
  cluster: ClusterView,
  placement: KeyPlacement,
  hash: number,
  limit: number,
): BackendView | Reject {
  const { columns } = cluster
  let fallback = -1
  for (let id = placement.first(hash); id !== -1; id = placement.next()) {
    if (!isAvailable(cluster, id)) continue
    if (columns.outstanding[id]! <= limit) return backendOf(cluster, id)
    if (fallback === -1) fallback = id
  }
  return fallback === -1 ? noAvailableBackend : backendOf(cluster, fallback)
}

function firstOrLeast(
  cluster: ClusterView,
  placement: KeyPlacement,
  hash: number,
  limit: number,
): BackendView | Reject {
  const { outstanding } = cluster.columns
  let first = -1
  let least = -1
  for (let id = placement.first(hash); id !== -1; id = placement.next()) {
    if (!isAvailable(cluster, id)) continue
    if (first === -1) first = id
    if (outstanding[first]! <= limit) return backendOf(cluster, first)
    if (least === -1 || outstanding[id]! < outstanding[least]!) least = id
  }
  if (first === -1) return noAvailableBackend
  return backendOf(cluster, outstanding[least]! <= limit ? least : first)
}

function firstAvailable(cluster: ClusterView, placement: KeyPlacement, hash: number): number {
  let id = placement.first(hash)
  while (id !== -1 && !isAvailable(cluster, id)) id = placement.next()
  return id
}

function firstOrShuffled(
  cluster: ClusterView,
  placement: KeyPlacement,
  hash: number,
  limit: number,
): BackendView | Reject {
  const { columns, ids } = cluster
  const { outstanding } = columns
  const home = firstAvailable(cluster, placement, hash)
  if (home === -1) return noAvailableBackend
  if (outstanding[home]! <= limit) return backendOf(cluster, home)
  let within = -1
  let withinWeight = -1
  let least = home
  let leastWeight = Number.POSITIVE_INFINITY
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (id === home || !isAvailable(cluster, id)) continue
    const weight = rendezvousWeight(hash, id)
    const requests = outstanding[id]!
    if (requests <= limit) {
      if (weight <= withinWeight) continue
      withinWeight = weight
      within = id
    } else if (
      requests < outstanding[least]! ||
      (requests === outstanding[least]! && weight > leastWeight)
    ) {
      leastWeight = weight
      least = id
    }
  }
  return backendOf(cluster, within === -1 ? least : within)
}

/** Where each backend stands from 0, by id: the key's own first one, and the others by falling weight. */
function shuffledOrder(
  cluster: ClusterView,
  placement: KeyPlacement,
  hash: number,
): Float64Array<ArrayBuffer> {
  const { columns, ids } = cluster
  const order = new Float64Array(columns.waiting.length).fill(Number.POSITIVE_INFINITY)
  const home = firstAvailable(cluster, placement, hash)
  const others = Array.from(ids).filter((id) => id !== home)
  others.sort((a, b) => rendezvousWeight(hash, b) - rendezvousWeight(hash, a) || a - b)
  const all = home === -1 ? others : [home, ...others]
  for (const [place, id] of all.entries()) order[id] = place
  return order
}
