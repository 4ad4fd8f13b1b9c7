import {
  type ClusterView,
  hold,
  type RequestView,
  type RoutingAlgorithm,
  type RoutingDecision,
  reject,
} from '@routesim/core'
import { hooksOf } from './hooks-of.js'

/** Times within this share of each other are one instant of a run. */
const SAME_INSTANT = 1e-11

/** Requests that wait for their turn at a router. */
export interface HeldQueue {
  readonly length: number
  /** Takes a request. @returns why not, undefined when it was taken */
  push(request: RequestView, nowMs: number): string | undefined
  /** Takes out the request whose turn it is. @returns its id, undefined when none waits */
  pop(): number | undefined
  /** Takes out a request that waits, whose turn it is not: nobody's turn is spent by it. */
  drop(id: number): void
}

interface Waiting {
  readonly sinceMs: number
  readonly arrivalMs: number
}

/** What {@link holdBack} goes by. */
export interface HoldBackOptions {
  /** What its timer is called. */
  readonly name: string
  readonly queue: HeldQueue
  /** Looks again so often whether there is room, in ms. */
  readonly pollMs: number
  /** How long a request may wait, in ms; Infinity for ever. */
  readonly ttlMs: number
  isFull(cluster: ClusterView): boolean
}

/**
 * Another router that is asked only while there is room. Requests wait in a queue in the meantime, and go one by
 * one, each as soon as the one before it has been sent and there is still room. It looks again when a request has
 * got its first token or has ended, when metrics come, and at an interval while any waits.
 */
export function holdBack(
  inner: RoutingAlgorithm,
  options: HoldBackOptions,
): Omit<RoutingAlgorithm, 'name'> {
  const { queue, pollMs, ttlMs } = options
  const timer = `${options.name} of ${inner.name}`
  /** When each request that waits came, in order, by id; it may have ended at the client. */
  const since = new Map<number, Waiting>()
  /** The request that is asked about next, since when, and when it arrived; it may have ended likewise. */
  let called = -1
  let calledMs = 0
  let calledArrivalMs = 0
  /**
   * When each of those that had their turn arrived, by id: one that no backend takes is not heard of again,
   * and another may have its id later.
   */
  const passed = new Map<number, number>()
  let isPolling = false
  let held = 0
  let expired = 0

  function pump(cluster: ClusterView): void {
    if (called >= 0 && cluster.nowMs > calledMs * (1 + SAME_INSTANT)) called = -1
    expire(cluster)
    while (called < 0 && queue.length > 0 && !options.isFull(cluster)) {
      const id = queue.pop()!
      called = id
      calledMs = cluster.nowMs
      calledArrivalMs = since.get(id)!.arrivalMs
      since.delete(id)
      // Asked about once more in this instant, with all that route() is given.
      cluster.release(id, hold(cluster.nowMs))
    }
    if (since.size === 0 || isPolling) return
    isPolling = true
    cluster.timer(timer, pollMs)
  }

  /** Turns away those that have waited for too long. */
  function expire(cluster: ClusterView): void {
    for (const [id, { sinceMs }] of since) {
      if (cluster.nowMs - sinceMs < ttlMs) return
      since.delete(id)
      queue.drop(id)
      expired++
      cluster.release(id, reject('queue_timeout'))
    }
  }

  /** Whether it is a request's turn, or was: another may have its id. */
  function isCalled({ id, arrivalMs }: RequestView): boolean {
    return (called === id && calledArrivalMs === arrivalMs) || passed.get(id) === arrivalMs
  }

  function pass(request: RequestView, cluster: ClusterView): RoutingDecision {
    passed.set(request.id, request.arrivalMs)
    const decision = inner.route(request, cluster)
    if (called === request.id) called = -1
    if (decision?.kind === 'reject') passed.delete(request.id)
    // Nobody hears of a dispatch that does not come.
    if (decision?.kind === 'hold' || decision?.kind === 'reject') pump(cluster)
    return decision
  }

  return {
    ...hooksOf(inner),
    route(request, cluster) {
      const { id, arrivalMs } = request
      if (isCalled(request)) return pass(request, cluster)
      const isBehind = since.size > 0 || called >= 0
      if (!isBehind && !options.isFull(cluster)) return pass(request, cluster)
      cluster.notes?.branch(isBehind ? 'others wait before it' : 'the fleet is full')
      // A request that ended at its client may have had this id.
      if (since.delete(id)) queue.drop(id)
      const refusal = queue.push(request, cluster.nowMs)
      if (refusal !== undefined) return reject(refusal)
      since.set(id, { sinceMs: cluster.nowMs, arrivalMs })
      held++
      if (!isPolling) cluster.timer(timer, pollMs)
      isPolling = true
      return hold()
    },
    onDispatched(request, backend, cluster, decode) {
      passed.delete(request.id)
      const heard = inner.onDispatched?.(request, backend, cluster, decode)
      pump(cluster)
      return heard
    },
    onFirstToken(request, backend, cluster) {
      const heard = inner.onFirstToken?.(request, backend, cluster)
      pump(cluster)
      return heard
    },
    onFinished(request, backend, cluster, usage) {
      const heard = inner.onFinished?.(request, backend, cluster, usage)
      pump(cluster)
      return heard
    },
    onAbandoned(request, cluster) {
      const { id, arrivalMs } = request
      if (since.delete(id)) queue.drop(id)
      else if (called === id) called = -1
      const isInside = passed.get(id) === arrivalMs
      if (isInside) passed.delete(id)
      const heard = isInside ? inner.onAbandoned?.(request, cluster) : undefined
      pump(cluster)
      return heard
    },
    onMetrics(backend, cluster) {
      const heard = inner.onMetrics?.(backend, cluster)
      pump(cluster)
      return heard
    },
    onTimer(id, cluster) {
      if (id !== timer) return inner.onTimer?.(id, cluster)
      isPolling = false
      pump(cluster)
    },
    customMetrics: () => ({
      ...inner.customMetrics?.(),
      [`${options.name}_held`]: held,
      [`${options.name}_expired`]: expired,
    }),
  }
}
