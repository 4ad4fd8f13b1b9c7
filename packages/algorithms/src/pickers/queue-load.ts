import type { BackendColumns } from '@routesim/core'

/**
 * L = min(1, (Q + A) / maxQueueDepth): the requests a backend has, relative to its queue's length; 1 when
 * it takes none.
 */
export function queueLoad({ outstanding, maxQueueDepth }: BackendColumns, id: number): number {
  const depth = maxQueueDepth[id]!
  return depth > 0 ? Math.min(1, outstanding[id]! / depth) : 1
}
