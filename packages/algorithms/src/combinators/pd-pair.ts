import {
  type BackendRole,
  type BackendView,
  type ClusterView,
  disaggregate,
  type Reject,
  RouteSimError,
  type RoutingAlgorithm,
  type RoutingDecision,
} from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

type Hook = 'onDispatched' | 'onFirstToken' | 'onFinished'

/**
 * One router for a disaggregated cluster out of two: the first chooses where to prefill among the
 * backends of role `prefill` or `both`, the second where to decode among `decode` or `both`. Each
 * sees its own pool only. A rejection by either rejects the request; when both choose the same
 * backend, it does the whole request.
 *
 * Hooks reach the router that owns the backend's role, both for `both`. Custom metrics carry the
 * prefixes `prefill_` and `decode_`. The name is the routers' common name, else `a+b`.
 *
 * @throws RouteSimError `router_invalid` when both are one instance, or when one of them, while
 * routing, disaggregates by itself
 * @example
 * pdPair(prefixAware.create(), leastKv.create()).name // => 'prefix_aware+least_kv'
 */
export function pdPair(
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
): RoutingAlgorithm {
  if (prefillRouter === decodeRouter) {
    throw invalid(
      'pdPair: expected two routers, got one instance twice',
      'Create the router twice: its state for one pool would mix with that for the other.',
    )
  }
  const sameName = prefillRouter.name === decodeRouter.name
  return {
    name: sameName ? prefillRouter.name : `${prefillRouter.name}+${decodeRouter.name}`,
    route(request, cluster) {
      const prefill = single(prefillRouter, prefillRouter.route(request, prefillPool(cluster)))
      if (prefill.kind === 'reject') return prefill
      const decode = single(decodeRouter, decodeRouter.route(request, decodePool(cluster)))
      if (decode.kind === 'reject') return decode
      return prefill.id === decode.id ? decode : disaggregate(prefill, decode)
    },
    ...forward('onDispatched', prefillRouter, decodeRouter),
    ...forward('onFirstToken', prefillRouter, decodeRouter),
    ...forward('onFinished', prefillRouter, decodeRouter),
    customMetrics: () => ({
      ...prefixed('prefill_', prefillRouter),
      ...prefixed('decode_', decodeRouter),
    }),
  }
}

function prefillPool(cluster: ClusterView): ClusterView {
  return cluster.pool('prefill', 'both')
}

function decodePool(cluster: ClusterView): ClusterView {
  return cluster.pool('decode', 'both')
}

function single(router: RoutingAlgorithm, decision: RoutingDecision): BackendView | Reject {
  if (decision.kind !== 'disaggregate') return decision
  throw invalid(
    `pdPair: expected ${router.name} to choose one backend, got a prefill and decode pair`,
    'Give pdPair routers that do not disaggregate.',
  )
}

/** An engine skips hooks that are absent, so only those that one of the two has are made. */
function forward(
  hook: Hook,
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
): Partial<Pick<RoutingAlgorithm, Hook>> {
  if (prefillRouter[hook] === undefined && decodeRouter[hook] === undefined) return {}
  return {
    [hook]: (...[request, backend, cluster]: Parameters<NonNullable<RoutingAlgorithm[Hook]>>) => {
      if (serves(backend.role, 'prefill')) {
        prefillRouter[hook]?.(request, backend, prefillPool(cluster))
      }
      if (serves(backend.role, 'decode')) {
        decodeRouter[hook]?.(request, backend, decodePool(cluster))
      }
    },
  }
}

function serves(role: BackendRole, phase: 'prefill' | 'decode'): boolean {
  return role === phase || role === 'both'
}

function prefixed(prefix: string, router: RoutingAlgorithm): Record<string, number> {
  const metrics = Object.entries(router.customMetrics?.() ?? {})
  return Object.fromEntries(metrics.map(([name, value]) => [prefix + name, value]))
}

function invalid(message: string, hint: string): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(message, { code: 'router_invalid', hint })
}
