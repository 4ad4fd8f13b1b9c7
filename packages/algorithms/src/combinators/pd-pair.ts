import {
  areOfOneModel,
  type BackendRole,
  type BackendView,
  type ClusterView,
  type DecodeDecision,
  disaggregate,
  type Hold,
  prefillOn,
  type Reject,
  type RequestView,
  RouteSimError,
  type RoutingAlgorithm,
  type RoutingDecision,
  reject,
} from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { PartOfCluster } from './part-of-cluster.js'
import { prefixedMetrics } from './prefixed-metrics.js'
import { bothHeard, type Hook, tellHook } from './tell-hook.js'

/** How {@link pdPair} decides. */
export interface PdPairOptions {
  /**
   * When the second router is asked: with `arrival`, the default, together with the first; with `hand_over` when
   * the prompt is computed, if it is computed by a backend that does nothing else. It may then hold the request
   * for ever.
   */
  readonly decodeAt?: 'arrival' | 'hand_over'
}

/**
 * One router for a disaggregated cluster out of two: the first chooses where to prefill among the
 * backends of role `prefill` or `both`, the second where to decode among `decode` or `both`. Each
 * sees its own pool only, the second of it the backends that serve the model of the first one's choice. A
 * rejection by either rejects the request; when both choose the same backend, it does the whole request. Either may
 * hold a request until a time, when both are asked again.
 *
 * Each router hears of the dispatch to its own backend, and both of all else; timers are common to both. With
 * `hand_over` the dispatch to the backend that decodes is the hand-over.
 * Custom metrics carry the prefixes `prefill_` and `decode_`. The name is the routers' common name, else `a+b`.
 *
 * @throws RouteSimError `router_invalid` when both are one instance, or when one of them, while
 * routing, disaggregates by itself or holds a request for ever
 * @example
 * pdPair(prefixAware.create(), leastKv.create()).name // => 'prefix_aware+least_kv'
 */
export function pdPair(
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
  { decodeAt = 'arrival' }: PdPairOptions = {},
): RoutingAlgorithm {
  const isLate = decodeAt === 'hand_over'
  if (prefillRouter === decodeRouter) {
    throw invalid(
      'pdPair: expected two routers, got one instance twice',
      'Create the router twice: its state for one pool would mix with that for the other.',
    )
  }
  const decodePools = new DecodePools()
  const decodeOn = (
    request: RequestView,
    cluster: ClusterView,
    prefill: BackendView,
  ): RoutingDecision => {
    cluster.notes?.stage('decode')
    const pool = decodePools.of(cluster, prefill)
    return pool.backends.length === 0 ? noDecode : decodeRouter.route(request, pool)
  }
  const sameName = prefillRouter.name === decodeRouter.name
  return {
    ...moreOften(prefillRouter, decodeRouter),
    ...((prefillRouter.migrates === true || decodeRouter.migrates === true) && { migrates: true }),
    name: sameName ? prefillRouter.name : `${prefillRouter.name}+${decodeRouter.name}`,
    route(request, cluster) {
      cluster.notes?.stage('prefill')
      const prefill = single(prefillRouter, prefillRouter.route(request, prefillPool(cluster)))
      if (prefill?.kind !== 'backend') return prefill
      if (isLate && prefill.role === 'prefill') return prefillOn(prefill)
      const decode = single(decodeRouter, decodeOn(request, cluster, prefill))
      if (decode?.kind !== 'backend') return decode
      return prefill.id === decode.id ? decode : disaggregate(prefill, decode)
    },
    ...(isLate && {
      routeDecode(
        request: RequestView,
        cluster: ClusterView,
        prefill: BackendView,
      ): DecodeDecision {
        const decision = decodeOn(request, cluster, prefill)
        return decision?.kind === 'hold' ? decision : single(decodeRouter, decision)
      },
    }),
    ...forwardDispatch(prefillRouter, decodeRouter, isLate),
    ...forward('onFirstToken', prefillRouter, decodeRouter),
    ...forward('onProgress', prefillRouter, decodeRouter),
    ...forward('onMigrated', prefillRouter, decodeRouter),
    ...forward('onReply', prefillRouter, decodeRouter),
    ...forward('onFinished', prefillRouter, decodeRouter),
    ...forward('onAbandoned', prefillRouter, decodeRouter),
    ...forward('onMetrics', prefillRouter, decodeRouter),
    ...forward('onKvEvents', prefillRouter, decodeRouter),
    ...forward('onBackendChange', prefillRouter, decodeRouter),
    ...forward('onRunsForgotten', prefillRouter, decodeRouter),
    ...forward('onTimer', prefillRouter, decodeRouter),
    customMetrics: () => ({
      ...prefixedMetrics('prefill_', prefillRouter),
      ...prefixedMetrics('decode_', decodeRouter),
    }),
  }
}

/** Both hear of progress as often as one of them wants to. */
function moreOften(...routers: readonly RoutingAlgorithm[]): Partial<RoutingAlgorithm> {
  const intervals = routers.flatMap(({ progressIntervalMs: ms }) => (ms === undefined ? [] : [ms]))
  return intervals.length === 0 ? {} : { progressIntervalMs: Math.min(...intervals) }
}

function prefillPool(cluster: ClusterView): ClusterView {
  return cluster.pool('prefill', 'both')
}

function decodePool(cluster: ClusterView): ClusterView {
  return cluster.pool('decode', 'both')
}

const noDecode = Object.freeze(reject('no_available_backend'))

/** Where prompts may be decoded: the KV cache of one model is nothing to another. */
class DecodePools {
  /** By the pool of all models and the model. */
  private readonly parts = new WeakMap<ClusterView, Map<string, PartOfCluster>>()

  /** Those that may decode what a backend has computed. */
  of(cluster: ClusterView, { model: wanted }: BackendView): ClusterView {
    const pool = decodePool(cluster)
    if (wanted === undefined) return pool
    let ofModels = this.parts.get(pool)
    if (ofModels === undefined) {
      ofModels = new Map()
      this.parts.set(pool, ofModels)
    }
    let part = ofModels.get(wanted)
    if (part === undefined) {
      part = new PartOfCluster(pool, ({ model }) => areOfOneModel(model, wanted))
      ofModels.set(wanted, part)
    }
    return part.backends.length === pool.backends.length ? pool : part
  }
}

function single(router: RoutingAlgorithm, decision: RoutingDecision): BackendView | Hold | Reject {
  if (decision?.kind === 'disaggregate' || decision?.kind === 'prefill') {
    throw invalid(
      `pdPair: expected ${router.name} to choose one backend, got ${decision.kind === 'prefill' ? 'prefillOn()' : 'disaggregate()'}`,
      'One that chooses both backends is no part of a pair: give it the property disaggregates: true, or routeDecode().',
    )
  }
  if (decision?.kind === 'hold' && decision.untilMs === Number.POSITIVE_INFINITY) {
    throw invalid(
      `pdPair: expected ${router.name} to hold a request until a time, got hold()`,
      'One router of a pair can not release a request for both: write hold(untilMs), or choose both backends in one router.',
    )
  }
  return decision
}

/** An engine skips hooks that are absent, so only those that one of the two has are made. */
function forwardDispatch(
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
  isLate: boolean,
): Pick<RoutingAlgorithm, 'onDispatched' | 'onHandedOver'> {
  const both = [prefillRouter, decodeRouter]
  const isDispatchHeard = both.some(({ onDispatched }) => onDispatched !== undefined)
  const isHandOverHeard = both.some(({ onHandedOver }) => onHandedOver !== undefined)
  return {
    ...(isDispatchHeard && {
      onDispatched(request, prefill, cluster, decode) {
        const heard = serves(prefill.role, 'prefill')
          ? prefillRouter.onDispatched?.(request, prefill, prefillPool(cluster), prefill)
          : undefined
        // A pair is told of when it is handed over; what stays where it is never is.
        if (!serves(decode.role, 'decode') || (isLate && prefill.id !== decode.id)) return heard
        return bothHeard(
          heard,
          decodeRouter.onDispatched?.(request, decode, decodePool(cluster), decode),
        )
      },
    }),
    ...((isHandOverHeard || (isLate && isDispatchHeard)) && {
      onHandedOver(request, decode, cluster) {
        const pool = decodePool(cluster)
        const sent = isLate ? decodeRouter.onDispatched?.(request, decode, pool, decode) : undefined
        const heard = prefillRouter.onHandedOver?.(request, decode, prefillPool(cluster))
        return bothHeard(sent, bothHeard(heard, decodeRouter.onHandedOver?.(request, decode, pool)))
      },
    }),
  }
}

/** Both hear of everything, wherever it was: each keeps account of its own part. */
function forward(
  hook: Hook,
  prefillRouter: RoutingAlgorithm,
  decodeRouter: RoutingAlgorithm,
): Partial<RoutingAlgorithm> {
  if (prefillRouter[hook] === undefined && decodeRouter[hook] === undefined) return {}
  return {
    [hook]: (...args: readonly unknown[]) =>
      bothHeard(
        tellHook(prefillRouter, hook, args, prefillPool),
        tellHook(decodeRouter, hook, args, decodePool),
      ),
  }
}

function serves(role: BackendRole, phase: 'prefill' | 'decode'): boolean {
  return role === phase || role === 'both'
}

function invalid(message: string, hint: string): RouteSimError<AlgorithmsErrorCode> {
  return new RouteSimError(message, { code: 'router_invalid', hint })
}
