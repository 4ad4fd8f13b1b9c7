import { type DecodeDecision, hold, prefillOn, type RoutingAlgorithm, reject } from '@routesim/core'

/**
 * A router of pairs that says where to decode when the prompt is computed, as it would say then. It lets some
 * requests wait first, and refuses a few.
 */
export function decidingLate(pairs: RoutingAlgorithm): RoutingAlgorithm {
  const waited = new Set<number>()
  return {
    ...pairs,
    name: `late_${pairs.name}`,
    route(request, cluster) {
      const decision = pairs.route(request, cluster)
      return decision.kind === 'disaggregate' ? prefillOn(decision.prefill) : decision
    },
    routeDecode(request, cluster): DecodeDecision {
      // Ids of requests that come one by one are those of rows that are given again.
      const { id, promptTokens } = request
      if (promptTokens % 5 === 0 && !waited.has(id)) {
        waited.add(id)
        return hold(cluster.nowMs + (promptTokens % 3))
      }
      if (promptTokens % 23 === 7) return reject('no_room')
      const decision = pairs.route(request, cluster)
      if (decision.kind !== 'disaggregate') throw new Error(`expected a pair: ${decision.kind}`)
      return decision.decode
    },
    onFinished: ({ id }) => {
      waited.delete(id)
    },
  }
}
