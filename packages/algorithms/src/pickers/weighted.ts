import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { isAvailable, noAvailableBackend } from './available.js'

/**
 * Draws an available backend with a chance proportional to its score, the negative of its cost in a column
 * indexed by id; scores are at least 0, and when all are 0 the last available one is taken. O(backends).
 *
 * Source: what weighted-random of llm-d/llm-d-router at ebab687 comes to for one pick, where Efraimidis and
 * Spirakis (2006) take the largest U^(1 / score).
 */
export function weightedOf(cluster: ClusterView, costs: ArrayLike<number>): BackendView | Reject {
  const chosen = drawn(cluster, costs)
  cluster.notes?.compared(cluster, costs, chosen, true)
  return chosen
}

function drawn(cluster: ClusterView, costs: ArrayLike<number>): BackendView | Reject {
  const { backends, ids, random } = cluster
  let total = 0
  let last = -1
  for (let i = 0; i < ids.length; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    total -= costs[ids[i]!]!
    last = i
  }
  if (last === -1) return noAvailableBackend
  let left = random.float() * total
  for (let i = 0; i < last; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    left += costs[ids[i]!]!
    if (left < 0) return backends[i]!
  }
  return backends[last]!
}
