import { builtinRouters, flowControl, gate, pdPair } from '@routesim/algorithms'
import {
  type BackendView,
  type ClusterView,
  type DecodeDecision,
  disaggregate,
  hold,
  prefillOn,
  RandomStream,
  type RequestView,
  type RoutingAlgorithm,
} from '@routesim/core'

/** What the router of a story does. */
export interface RouterTraits {
  readonly seed: number
  /** It looks at caches and loads. */
  readonly sees: boolean
  readonly isDisaggregated?: boolean
  /** It says where to decode when the prompt is computed: 1 at once, 2 or after a time, 3 or whenever. */
  readonly decidesLate?: number
  /** It moves requests about. */
  readonly wanders?: boolean
  /** It keeps requests: 1 until a time, 2 until it is told of something, 3 until either. */
  readonly holds?: number
  /** Some gate or queue around it. */
  readonly gate?: number
  /** It asks backends. */
  readonly asks?: boolean
  /** A built-in router chooses. */
  readonly builtin?: number
  /** Where it writes down what it is told; in a log of its own if absent. */
  readonly log?: string[]
  /** It writes down all that it can see whenever it is told of something. */
  readonly looks?: boolean
}

/** What routers have been told, by router. */
export const logs: WeakMap<RoutingAlgorithm, string[]> = new WeakMap()
/** What routers that have been asked see, by router. */
export const views: WeakMap<RoutingAlgorithm, ClusterView> = new WeakMap()

/** @returns a router with these traits, that writes a log */
export function pairedRouter(traits: RouterTraits): RoutingAlgorithm {
  const { seed, isDisaggregated = false } = traits
  const log = traits.log ?? []
  const isLate = traits.decidesLate !== undefined
  let router =
    traits.builtin === undefined ? plain(traits) : builtin(traits.builtin, isDisaggregated, isLate)
  // A pair of built-in routers does so by itself.
  if (traits.decidesLate !== undefined && traits.builtin === undefined)
    router = decidingLate(router, traits.decidesLate, seed)
  if (traits.holds !== undefined)
    router = holding(router, traits.holds, seed, traits.builtin !== undefined)
  if (traits.gate !== undefined) router = gated(router, traits.gate, seed)
  if (traits.wanders === true) router = wandering(router, seed, log)
  if (traits.asks === true) router = asking(router)
  const written = writing(router, log, traits.looks === true)
  logs.set(written, log)
  return written
}

function plain({ sees, isDisaggregated }: RouterTraits): RoutingAlgorithm {
  let turn = 0
  const best = (
    request: RequestView,
    cluster: ClusterView,
    { backends }: Pick<ClusterView, 'backends'> = cluster,
  ): BackendView | undefined => {
    if (!sees) return backends[turn++ % backends.length]
    const matched = cluster.prefixMatch(request)
    const score = (b: BackendView): number =>
      matched[b.id]! -
      40 * b.kvUsage -
      4 * b.outstanding -
      2 * b.waiting +
      (b.adapters?.loaded.includes(request.adapter ?? '') ? 6 : 0)
    return backends.reduce<BackendView | undefined>(
      (a, b) => (a === undefined || score(b) > score(a) ? b : a),
      undefined,
    )
  }
  return {
    name: 'plain',
    route(request, cluster) {
      if (isDisaggregated !== true) {
        return best(request, cluster) ?? { kind: 'reject', reason: 'nobody' }
      }
      const prefill = best(request, cluster.pool('prefill', 'both'))
      if (prefill === undefined) return { kind: 'reject', reason: 'nobody' }
      const decoding = cluster.pool('decode', 'both')
      const able = decoding.backends.filter((b) => isAlike(b, prefill.model))
      const decode = best(request, decoding, { backends: able })
      if (decode === undefined) return { kind: 'reject', reason: 'nobody' }
      return prefill.id === decode.id ? prefill : disaggregate(prefill, decode)
    },
  }
}

function builtin(which: number, isDisaggregated: boolean, isLate: boolean): RoutingAlgorithm {
  const one = builtinRouters[which % builtinRouters.length]!
  const other = builtinRouters[(which * 7) % builtinRouters.length]!
  if (!isDisaggregated) return one.create({})
  return pdPair(one.create({}), other.create({}), { decodeAt: isLate ? 'hand_over' : 'arrival' })
}

function gated(inner: RoutingAlgorithm, which: number, seed: number): RoutingAlgorithm {
  const saturation = { request_limit: 1 + (seed % 4), queue_limit: 1, kv_limit: 0.3 }
  const rule = { saturation: seed % 2 === 0 ? 'concurrency' : 'utilization', ...saturation }
  const times = { poll_ms: 2, ttl_sec: [0.0625, 0.5, 60][seed % 3]! }
  if (which === 1) return gate.wrap(inner, { ...rule, ...times })
  if (which === 2) return gate.wrap(inner, { ...rule, ...times, max_held: 3 })
  if (which === 3) return gate.wrap(inner, { ...rule, when_full: 'shed_negative' })
  return flowControl.wrap(inner, { ...rule, ...times })
}

/** Backends that serve what a request asks for, by its model. */
function serving(cluster: ClusterView, model: string | undefined): readonly BackendView[] {
  return cluster.backends.filter((b) => b.model === undefined || b.model === model)
}

/** Whether a backend can make sense of the KV cache of a model. */
function isAlike({ model: own }: BackendView, model: string | undefined): boolean {
  return own === undefined || model === undefined || own === model
}

/** Says where to decode when the prompt is computed, or later still, and refuses a few. */
function decidingLate(inner: RoutingAlgorithm, kind: number, seed: number): RoutingAlgorithm {
  const random = new RandomStream(seed, 'deciding late')
  type Models = readonly (string | undefined)[]
  const waiting = new Map<number, Models>()
  const anyOf = (cluster: ClusterView, models: Models): DecodeDecision => {
    const able = cluster.backends.filter(
      (b) => b.role !== 'prefill' && models.every((model) => isAlike(b, model)),
    )
    return able[random.integer(able.length)] ?? { kind: 'reject', reason: 'nobody decodes' }
  }
  return {
    ...inner,
    route(request, cluster) {
      const decision = inner.route(request, cluster)
      const isOpen = decision.kind === 'disaggregate' && decision.prefill.role === 'prefill'
      return isOpen ? prefillOn(decision.prefill) : decision
    },
    routeDecode(request, cluster, { model }) {
      const dice = random.integer(10)
      if (dice === 0) return { kind: 'reject', reason: 'not decoded' }
      if (kind > 1 && dice < 4) return hold(cluster.nowMs + random.integer(4) / 2)
      if (kind < 3 || dice > 6) return anyOf(cluster, [request.model, model])
      waiting.set(request.id, [request.model, model])
      cluster.timer('decode', 3)
      return hold()
    },
    onTimer(id, cluster) {
      if (id !== 'decode') inner.onTimer?.(id, cluster)
      else for (const [request, models] of waiting) cluster.release(request, anyOf(cluster, models))
      if (id === 'decode') waiting.clear()
    },
    onFinished(request, on, cluster, usage) {
      waiting.delete(request.id)
      inner.onFinished?.(request, on, cluster, usage)
    },
  }
}

/** Keeps requests now and then, and lets them go when others get on: 1 until a time, 2 for ever, 3 either. */
function holding(
  inner: RoutingAlgorithm,
  kind: number,
  seed: number,
  isBuiltin: boolean,
): RoutingAlgorithm {
  const random = new RandomStream(seed, 'holding')
  const held = new Map<number, string | undefined>()
  const times = new Map<number, number>()
  const letGo = (cluster: ClusterView): void => {
    const next = held.entries().next().value
    if (next === undefined || random.integer(3) === 0) return
    const [request, model] = next
    held.delete(request)
    // Asked about again in this instant.
    if (seed % 2 === 0 || isBuiltin) {
      cluster.release(request, hold(cluster.nowMs))
      return
    }
    const able = serving(cluster, model)
    const some = able.filter(({ role }) => role === 'both')
    const [from, to] = [
      able.find((b) => b.role === 'prefill'),
      able.find((b) => b.role === 'decode'),
    ]
    if (some.length > 0) cluster.release(request, some[random.integer(some.length)]!)
    else if (from !== undefined && to !== undefined)
      cluster.release(request, disaggregate(from, to))
    else cluster.release(request, { kind: 'reject', reason: 'let go to nobody' })
    times.delete(request)
  }
  return {
    ...inner,
    route(request, cluster) {
      held.delete(request.id)
      const count = times.get(request.id) ?? 0
      if (count >= 3 || random.integer(3) === 0) {
        // Another may have its id later on.
        times.delete(request.id)
        return inner.route(request, cluster)
      }
      times.set(request.id, count + 1)
      if (kind === 1) return hold(cluster.nowMs + random.integer(4) / 2)
      held.set(request.id, request.model)
      cluster.timer('let go', 4)
      return hold(kind === 2 ? Number.POSITIVE_INFINITY : cluster.nowMs + 16)
    },
    onFirstToken(request, on, cluster) {
      letGo(cluster)
      inner.onFirstToken?.(request, on, cluster)
    },
    onFinished(request, on, cluster, usage) {
      letGo(cluster)
      inner.onFinished?.(request, on, cluster, usage)
    },
    onAbandoned(request, cluster) {
      held.delete(request.id)
      times.delete(request.id)
      letGo(cluster)
      inner.onAbandoned?.(request, cluster)
    },
    onTimer(id, cluster) {
      if (id !== 'let go') inner.onTimer?.(id, cluster)
      else {
        letGo(cluster)
        if (held.size > 0) cluster.timer('let go', 4)
      }
    },
  }
}

/** Moves requests about for no reason, each a few times, some to where they can not go. */
function wandering(inner: RoutingAlgorithm, seed: number, log: string[]): RoutingAlgorithm {
  const random = new RandomStream(seed, 'wandering')
  const pick = <T>(...options: readonly T[]): T => options[random.integer(options.length)]!
  const everyMs = pick(0.5, 3, 20)
  const underWay = new Map<number, { answers: boolean; model: string | undefined }>()
  const moves = new Map<number, number>()
  const move = (request: number, cluster: ClusterView): void => {
    const { answers, model } = underWay.get(request)!
    const count = moves.get(request) ?? 0
    const able = serving(cluster, model).filter(
      ({ role }) => role !== (answers ? 'prefill' : 'decode'),
    )
    if (able.length === 0 || count === 6) return
    moves.set(request, count + 1)
    cluster.migrate(request, able[random.integer(able.length)]!, pick('transfer', 'recompute'))
  }
  let isTicking = false
  return {
    ...inner,
    migrates: true,
    progressIntervalMs: pick(0.5, 7),
    onDispatched(request, on, cluster, decode) {
      inner.onDispatched?.(request, on, cluster, decode)
      underWay.set(request.id, { answers: false, model: request.model })
      if (!isTicking) cluster.timer('move', everyMs)
      isTicking = true
    },
    onFirstToken(request, on, cluster) {
      inner.onFirstToken?.(request, on, cluster)
      underWay.set(request.id, { answers: true, model: request.model })
      if (random.integer(3) === 0) move(request.id, cluster)
    },
    onTimer(id, cluster) {
      if (id !== 'move') {
        inner.onTimer?.(id, cluster)
        return
      }
      const ids = [...underWay.keys()]
      if (ids.length > 0) move(pick(...ids), cluster)
      isTicking = ids.length > 0
      if (isTicking) cluster.timer('move', everyMs)
    },
    onMigrated(request, on, hasMoved, cluster) {
      inner.onMigrated?.(request, on, hasMoved, cluster)
      log.push(`${request.id} ${hasMoved ? 'moved to' : 'stays on'} ${on.id}`)
    },
    onProgress(request, on, tokens, cluster) {
      inner.onProgress?.(request, on, tokens, cluster)
      log.push(`${request.id} has ${tokens} on ${on.id}`)
    },
    onFinished(request, on, cluster, usage) {
      inner.onFinished?.(request, on, cluster, usage)
      underWay.delete(request.id)
      moves.delete(request.id)
    },
  }
}

function asking(inner: RoutingAlgorithm): RoutingAlgorithm {
  return {
    ...inner,
    onDispatched(request, on, cluster, decode) {
      inner.onDispatched?.(request, on, cluster, decode)
      if (request.id % 2 === 0) cluster.query(on, `q${request.id}`, request)
      else cluster.query(decode, `d${request.id}`)
    },
  }
}

/** Writes down all that it is told. */
function writing(inner: RoutingAlgorithm, log: string[], looks: boolean): RoutingAlgorithm {
  const underWay = new Set<number>()
  const state = (cluster: ClusterView, request?: RequestView): string => {
    const at = `@${cluster.nowMs}`
    if (!looks) return at
    const matched = request === undefined ? [] : Array.from(cluster.prefixMatch(request))
    const of = (b: BackendView): string => {
      const { loaded = [], running = [], waiting = [] } = b.adapters ?? {}
      const adapters = [loaded, running, waiting].map((names) => names.join('+')).join('/')
      const figures = [b.id, b.healthy, b.waiting, b.running, b.outstanding, b.pendingPromptTokens]
      return [...figures, b.kvUsage, b.metricsAgeMs, b.sentSinceSample, adapters].join()
    }
    const tokens = [...underWay].map((id) => `${id}:${cluster.emittedTokens(id)}`).join()
    return `${at} ${tokens} ${matched} ${cluster.backends.map(of).join(' ')}`
  }
  return {
    ...inner,
    route(request, cluster) {
      views.set(this, cluster)
      log.push(`route ${request.id} ${state(cluster, request)}`)
      const decision = inner.route(request, cluster)
      if (decision?.kind === 'disaggregate')
        log.push(` ${decision.prefill.id} ${decision.decode.id}`)
      else if (decision?.kind === 'prefill') log.push(` ${decision.prefill.id} ?`)
      else if (decision?.kind === 'backend') log.push(` ${decision.id}`)
      else log.push(` ${JSON.stringify(decision)}`)
      return decision
    },
    onDispatched(request, on, cluster, decode) {
      underWay.add(request.id)
      log.push(`dispatched ${request.id} ${on.id} ${decode.id} ${state(cluster, request)}`)
      inner.onDispatched?.(request, on, cluster, decode)
    },
    ...(inner.routeDecode !== undefined && {
      routeDecode(
        request: RequestView,
        cluster: ClusterView,
        prefill: BackendView,
      ): DecodeDecision {
        log.push(`decode ${request.id} of ${prefill.id} ${state(cluster, request)}`)
        const decision = inner.routeDecode!(request, cluster, prefill)
        log.push(decision.kind === 'backend' ? ` ${decision.id}` : ` ${JSON.stringify(decision)}`)
        return decision
      },
    }),
    onHandedOver(request, on, cluster) {
      log.push(`handed over ${request.id} to ${on.id} ${state(cluster, request)}`)
      inner.onHandedOver?.(request, on, cluster)
    },
    onFirstToken(request, on, cluster) {
      log.push(`first ${request.id} ${on.id} ${state(cluster, request)}`)
      inner.onFirstToken?.(request, on, cluster)
    },
    onFinished(request, on, cluster, usage) {
      const { completed, promptTokens, cachedTokens, outputTokens, ttftMs, e2eMs } = usage
      const told = [completed, promptTokens, cachedTokens, outputTokens, ttftMs, e2eMs].join()
      log.push(`finished ${request.id} ${on.id} ${told} ${state(cluster, request)}`)
      underWay.delete(request.id)
      inner.onFinished?.(request, on, cluster, usage)
    },
    onAbandoned(request, cluster) {
      log.push(`abandoned ${request.id} ${state(cluster, request)}`)
      inner.onAbandoned?.(request, cluster)
    },
    onMetrics(on, cluster) {
      log.push(`metrics ${on.id} ${on.waiting} ${on.running} ${on.kvUsage} ${state(cluster)}`)
      inner.onMetrics?.(on, cluster)
    },
    onBackendChange(on, change, cluster) {
      log.push(`${on.id} ${change} ${state(cluster)}`)
      inner.onBackendChange?.(on, change, cluster)
    },
    onTimer(id, cluster) {
      log.push(`timer ${id} ${state(cluster)}`)
      inner.onTimer?.(id, cluster)
    },
    onReply(id, on, reply, cluster) {
      const { askedMs, takenMs, waiting, running, kvUsage, matchedTokens } = reply ?? {}
      const told = [askedMs, takenMs, waiting, running, kvUsage, matchedTokens].join()
      log.push(`reply ${id} ${on.id} ${told} ${state(cluster)}`)
      inner.onReply?.(id, on, reply, cluster)
    },
  }
}
