import { invalidDecision, RouteSimError, type RoutingDecision } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { Decision } from './decision-log.js'
import { LiveBackend } from './live-backend.js'

/** Where a request goes. */
export type Route =
  | { readonly kind: 'send'; readonly prefill: LiveBackend; readonly decode: LiveBackend }
  | { readonly kind: 'hold'; readonly untilMs: number }
  | { readonly kind: 'reject'; readonly reason: string }

/**
 * What an algorithm decided, as something that can be done.
 * @throws RouteSimError `router_failed`, `router_invalid_decision` when it can not be
 */
export function routeOf(decision: RoutingDecision, algorithm: string, request: number): Route {
  if (decision?.kind === 'reject' || decision?.kind === 'hold') return decision
  const [prefill, decode] =
    decision?.kind === 'disaggregate' ? [decision.prefill, decision.decode] : [decision, decision]
  if (prefill instanceof LiveBackend && decode instanceof LiveBackend) {
    return { kind: 'send', prefill, decode }
  }
  if (decision?.kind === 'prefill') {
    throw new RouteSimError<LiveErrorCode>(
      `router "${algorithm}": prefillOn(): expected a decision about both workers, as live requests are sent to a pair`,
      { code: 'router_failed', hint: 'Return disaggregate(prefill, decode).' },
    )
  }
  throw invalidDecision(algorithm, request, decision)
}

/** A route as logs have it. */
export function destinationOf(route: Route): Decision['to'] {
  if (route.kind === 'reject') return route.reason
  if (route.kind === 'hold') return 'held'
  const { prefill, decode } = route
  return prefill === decode ? [prefill.id] : [prefill.id, decode.id]
}
