import type { RoutingDecision } from '@routesim/core'

/** What a decision says, short enough for a table: an id, a pair of ids, or a reason. */
export function summary(decision: RoutingDecision): number | string {
  if (decision.kind === 'backend') return decision.id
  if (decision.kind === 'reject') return decision.reason
  if (decision.kind === 'hold') return 'hold'
  if (decision.kind === 'prefill') return `${decision.prefill.id}>?`
  return `${decision.prefill.id}>${decision.decode.id}`
}
