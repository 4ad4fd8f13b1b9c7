import { type BackendView, type ClusterView, type Reject, reject } from '@routesim/core'

/** The decision when no backend can take the request. */
export const noAvailableBackend: Reject = Object.freeze(reject('no_available_backend'))

/** How many backends can take a request. */
export function countAvailable(cluster: ClusterView): number {
  const { backends } = cluster
  let count = 0
  for (let i = 0; i < backends.length; i++) if (backends[i]!.available) count++
  return count
}

/** The available backend at a position counted from 0 in order of id, or a rejection past the end. */
export function nthAvailable(cluster: ClusterView, position: number): BackendView | Reject {
  const { backends } = cluster
  let remaining = position
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i]!
    if (backend.available && remaining-- === 0) return backend
  }
  return noAvailableBackend
}
