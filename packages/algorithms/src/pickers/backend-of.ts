import type { BackendView, ClusterView } from '@routesim/core'

/** The position of a backend in the cluster by its id, -1 when it is not there. */
export function positionOf({ ids }: ClusterView, id: number): number {
  // An id is not a position when the cluster is a pool of a larger one.
  if (ids[id] === id) return id
  for (let i = 0; i < ids.length; i++) if (ids[i] === id) return i
  return -1
}

/** The backend of an id that the cluster is known to have. */
export function backendOf(cluster: ClusterView, id: number): BackendView {
  return cluster.backends[positionOf(cluster, id)]!
}
