import {
  type BackendRole,
  type BackendView,
  type ClusterView,
  disaggregate,
  type Reject,
  type RequestView,
  RouteSimError,
  type RoutingAlgorithm,
  type RoutingDecision,
} from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

/**
 * One router for a disaggregated cluster out of two: the first chooses where to prefill among the
 * backends of role `prefill` or `both`, the second where to decode among `decode` or `both`. Each
 * sees its own pool only. A rejection by either rejects the request; when both choose the same
 * backend, it does the whole request.
 *
 * Each router hears of the dispatch to its own backend, and both of every first token and end. Custom metrics carry the
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
  // The engine tells of a pair by its prefill backend only, right after the decision.
  let pairedRequest = -1
  let pairedDecode: BackendView | undefined
  return {
    name: sameName ? prefillRouter.name : `${prefillRouter.name}+${decodeRouter.name}`,
    route(request, cluster) {
      pairedDecode = undefined
      const prefill = single(prefillRouter, prefillRouter.route(request, prefillPool(cluster)))
      if (prefill.kind === 'reject') return prefill
      const decode = single(decodeRouter, decodeRouter.route(request, decodePool(cluster)))
      if (decode.kind === 'reject') return decode
      if (prefill.id === decode.id) return decode
      pairedRequest = request.id
      pairedDecode = decode
      return disaggregate(prefill, decode)
    },
    ...forwardDispatch(prefillRouter, decodeRouter, (request) =>
      request.id === pairedRequest ? pairedDecode : undefined,
    ),
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
function forwardDispatch(
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
  pairedWith: (request: RequestView) => BackendView | undefined,
): Pick<RoutingAlgorithm, 'onDispatched'> {
  if (prefillRouter.onDispatched === undefined && decodeRouter.onDispatched === undefined) return {}
  return {
    onDispatched(request, backend, cluster) {
      const decode = pairedWith(request) ?? backend
      if (serves(backend.role, 'prefill')) {
        prefillRouter.onDispatched?.(request, backend, prefillPool(cluster))
      }
      if (serves(decode.role, 'decode')) {
        decodeRouter.onDispatched?.(request, decode, decodePool(cluster))
      }
    },
  }
}

/** Both hear of every first token and end, wherever it was: each keeps account of its own part. */
function forward(
  hook: 'onFirstToken' | 'onFinished',
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
): Pick<RoutingAlgorithm, 'onFirstToken' | 'onFinished'> {
  if (prefillRouter[hook] === undefined && decodeRouter[hook] === undefined) return {}
  return {
    [hook]: (request: RequestView, backend: BackendView, cluster: ClusterView) => {
      prefillRouter[hook]?.(request, backend, prefillPool(cluster))
      decodeRouter[hook]?.(request, backend, decodePool(cluster))
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
