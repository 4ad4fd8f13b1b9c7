import type { BackendColumns } from '@routesim/core'

/** L = min(1, (Q + A) / maxQueueDepth): the requests a backend has, relative to its queue's length. */
export function queueLoad({ outstanding, maxQueueDepth }: BackendColumns, id: number): number {
  return Math.min(1, outstanding[id]! / maxQueueDepth[id]!)
}
