import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { isAvailable, noAvailableBackend } from './available.js'
import { leastOf } from './pick.js'
import type { TieRule } from './ties.js'

/**
 * Draws an available backend with a chance proportional to exp(-(c - cmin) / ((cmax - cmin) T)), c its cost
 * in a column indexed by id. The range makes T free of scale: the dearest always has e^(-1/T) times the
 * chance of the cheapest. T = 0 is the cheapest, all equal any with equal chance. O(backends), no allocation.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/scheduling/selector at 07a6c9ce.
 *
 * @param ties - which of equals when T = 0
 */
export function softmaxOf(
  cluster: ClusterView,
  costs: ArrayLike<number>,
  temperature: number,
  ties: TieRule = 'random',
): BackendView | Reject {
  if (temperature === 0) return leastOf(cluster, costs, ties)
  const chosen = drawn(cluster, costs, temperature)
  cluster.notes?.compared(cluster, costs, chosen, true)
  return chosen
}

function drawn(
  cluster: ClusterView,
  costs: ArrayLike<number>,
  temperature: number,
): BackendView | Reject {
  const { backends, ids, random } = cluster
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  let last = -1
  for (let i = 0; i < ids.length; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    const cost = costs[ids[i]!]!
    if (cost < least) least = cost
    if (cost > most) most = cost
    last = i
  }
  if (last === -1) return noAvailableBackend
  const scale = most > least ? 1 / ((most - least) * temperature) : 0
  let total = 0
  for (let i = 0; i <= last; i++) {
    if (isAvailable(cluster, ids[i]!)) total += Math.exp((least - costs[ids[i]!]!) * scale)
  }
  if (cluster.notes !== undefined) {
    for (let i = 0; i <= last; i++) {
      const id = ids[i]!
      const chance = isAvailable(cluster, id) ? Math.exp((least - costs[id]!) * scale) / total : 0
      cluster.notes.term('chance', id, chance)
    }
  }
  let left = random.float() * total
  for (let i = 0; i < last; i++) {
    if (!isAvailable(cluster, ids[i]!)) continue
    left -= Math.exp((least - costs[ids[i]!]!) * scale)
    if (left < 0) return backends[i]!
  }
  return backends[last]!
}
