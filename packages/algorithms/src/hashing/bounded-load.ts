import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { isAvailable, noAvailableBackend } from '../pickers/available.js'
import { backendOf } from '../pickers/backend-of.js'
import type { KeyPlacement } from './key-placement.js'

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

/** Where a key goes whose first backend is above the bound: to the next of its order, or to the fewest requests. */
export type Overflow = 'next' | 'least'

/**
 * The first available backend of a key's order with at most `limit` requests; when all have more, the
 * first available one. A rejection when none is available.
 *
 * @param hash - the key, as an unsigned 32-bit hash
 * @param limit - Infinity for no bound
 * @param overflow - `least` takes the fewest requests of all, the first of equals in the key's order, when the first
 * available one has more than `limit`
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
      : firstOrLeast(cluster, placement, hash, limit)
  if (cluster.notes !== undefined) note(cluster, orderOf(cluster, placement, hash), limit, chosen)
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
