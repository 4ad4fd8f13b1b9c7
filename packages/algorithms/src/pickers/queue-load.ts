import type { BackendView } from '@routesim/core'

/** L = min(1, (Q + A) / maxQueueDepth): the requests a backend has, relative to its queue's length. */
export function queueLoad(backend: BackendView): number {
  return Math.min(1, backend.outstanding / backend.maxQueueDepth)
}
