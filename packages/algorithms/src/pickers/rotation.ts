import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { isAvailable, noAvailableBackend } from './available.js'

/**
 * Takes equals in turn, with one counter for all ties: the n-th tie goes to the (n mod k)-th of its k equals in
 * order of id. O(backends), no allocation.
 *
 * Source: max-score picker of llm-d/llm-d-router since its pull requests 2515 and 2709.
 */
export class Rotation {
  private turn = 0

  /** The next of the available backends with the lowest cost, a column indexed by id. */
  leastOf(cluster: ClusterView, costs: ArrayLike<number>): BackendView | Reject {
    const chosen = this.next(cluster, costs)
    cluster.notes?.compared(cluster, costs, chosen)
    return chosen
  }

  private next(cluster: ClusterView, costs: ArrayLike<number>): BackendView | Reject {
    const { backends, ids } = cluster
    let least = Number.POSITIVE_INFINITY
    let tied = 0
    for (let i = 0; i < ids.length; i++) {
      const cost = costs[ids[i]!]!
      if (cost > least || !isAvailable(cluster, ids[i]!)) continue
      tied = cost < least ? 1 : tied + 1
      least = cost
    }
    if (tied === 0) return noAvailableBackend
    // A decision without a tie takes no turn: it would shift those of ties, in step with them at worst.
    let skip = tied === 1 ? 0 : this.turn++ % tied
    for (let i = 0; i < ids.length; i++) {
      if (costs[ids[i]!] !== least || !isAvailable(cluster, ids[i]!)) continue
      if (skip-- === 0) return backends[i]!
    }
    return noAvailableBackend
  }
}
