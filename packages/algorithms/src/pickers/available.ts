import { type BackendView, type ClusterView, type Reject, reject } from '@routesim/core'

/** The decision when no backend can take the request. */
export const noAvailableBackend: Reject = Object.freeze(reject('no_available_backend'))

/** Whether a backend, by its id, can take a request. */
export function isAvailable({ columns }: ClusterView, id: number): boolean {
  return columns.waiting[id]! < columns.maxQueueDepth[id]!
}

/** How many backends can take a request. */
export function countAvailable(cluster: ClusterView): number {
  const { ids } = cluster
  let count = 0
  for (let i = 0; i < ids.length; i++) if (isAvailable(cluster, ids[i]!)) count++
  return count
}

/** Any available backend with equal chance, or a rejection; draws a number only when there is a choice. */
export function anyAvailable(cluster: ClusterView): BackendView | Reject {
  const count = countAvailable(cluster)
  const chosen = nthAvailable(cluster, count > 1 ? cluster.random.integer(count) : 0)
  const { notes, columns } = cluster
  notes?.compared(cluster, new Float64Array(columns.waiting.length), chosen, true)
  return chosen
}

/** The available backend at a position counted from 0 in order of id, or a rejection past the end. */
export function nthAvailable(cluster: ClusterView, position: number): BackendView | Reject {
  const { backends, ids } = cluster
  let remaining = position
  for (let i = 0; i < ids.length; i++) {
    if (isAvailable(cluster, ids[i]!) && remaining-- === 0) return backends[i]!
  }
  return noAvailableBackend
}
