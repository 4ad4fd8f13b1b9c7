import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable, noAvailableBackend } from '../pickers/available.js'

/**
 * The first available backend whose id is greater than the last one used; past the end, the first
 * available. There are no ties.
 *
 * Source: RouteSim, https://github.com/InfraWhisperer/RouteSim. O(1) while most are available.
 */
export const roundRobin: RouterDefinition = defineRouter({
  name: 'round_robin',
  description: 'Sends to the available backends in turn.',
  rule: 'The first available backend whose id is above the one used last; past the end, the first available. There are no ties.',
  wins: 'Requests are alike and backends are equal.',
  loses: 'Lengths differ much, or prompts share prefixes.',
  source: 'RouteSim, https://github.com/InfraWhisperer/RouteSim',
  create: () => {
    let lastId = -1
    return {
      route(_request, cluster) {
        const { backends, ids } = cluster
        let i = firstAbove(ids, lastId)
        for (let tried = 0; tried < ids.length; tried++, i++) {
          if (i === ids.length) i = 0
          const id = ids[i]!
          if (!isAvailable(cluster, id)) continue
          cluster.notes?.branch(lastId === -1 ? 'the first' : `next after backend ${lastId}`)
          lastId = id
          return backends[i]!
        }
        return noAvailableBackend
      },
    }
  },
})

/** Where the first id above a given one stands; in a cluster that is no pool, at that number. */
function firstAbove(ids: ArrayLike<number>, id: number): number {
  if (ids[id + 1] === id + 1) return id + 1
  let i = 0
  while (i < ids.length && ids[i]! <= id) i++
  return i
}
