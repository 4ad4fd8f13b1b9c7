import {
  type BackendView,
  type ClusterView,
  RandomStream,
  type RequestView,
  type RoutingAlgorithm,
} from '@routesim/core'

/** What a {@link wandering} router has seen. */
export interface Wanderings {
  moved: number
  refused: number
  /** Everything it was told, in order. */
  readonly log: string[]
}

/**
 * Routes as another does, and moves its requests about for no reason: some when their first token comes,
 * some at any time, some to where they can not go. It also asks how requests get on, and how backends are.
 * Its times are multiples of 2^-10 ms.
 */
export function wandering(
  inner: RoutingAlgorithm,
  seed: number,
  seen: Wanderings,
): RoutingAlgorithm {
  const random = new RandomStream(seed, 'wandering')
  const pick = <T>(...options: readonly T[]): T => options[random.integer(options.length)]!
  const everyMs = pick(0.5, 3, 20)
  const share = pick(2, 4)
  const underWay = new Map<number, boolean>()
  // A prompt that is moved at every step would never be computed.
  const moves = new Map<number, number>()
  const target = (cluster: ClusterView, hasAnswered: boolean): BackendView | undefined => {
    const able = cluster.backends.filter(
      ({ role }) => role !== (hasAnswered ? 'prefill' : 'decode'),
    )
    return able[random.integer(able.length)]
  }
  const move = (request: number, cluster: ClusterView): void => {
    const count = moves.get(request) ?? 0
    const to = target(cluster, underWay.get(request) === true)
    if (to === undefined || count === 6) return
    moves.set(request, count + 1)
    cluster.migrate(request, to, pick('transfer', 'transfer', 'recompute'))
  }
  const tokensNow = (cluster: ClusterView): string =>
    [...underWay.keys()].map((id) => `${id}:${cluster.emittedTokens(id)}`).join(' ')
  let isTicking = false
  return {
    name: 'wandering',
    migrates: true,
    progressIntervalMs: pick(0.5, 7),
    route: (request, cluster) => inner.route(request, cluster),
    ...(inner.routeDecode && { routeDecode: inner.routeDecode }),
    onDispatched(request: RequestView, _backend, cluster) {
      underWay.set(request.id, false)
      if (request.id % 3 === 0) cluster.query(target(cluster, false)!, `${request.id}`, request)
      if (!isTicking) cluster.timer('move', everyMs)
      isTicking = true
    },
    onFirstToken(request, _backend, cluster) {
      seen.log.push(`${request.id} answers: ${tokensNow(cluster)}`)
      underWay.set(request.id, true)
      if (request.id % share === 0) move(request.id, cluster)
    },
    onTimer(_id, cluster) {
      seen.log.push(tokensNow(cluster))
      const ids = [...underWay.keys()].sort((a, b) => a - b)
      if (ids.length > 0) move(pick(...ids), cluster)
      cluster.timer('move', everyMs)
    },
    onMigrated(request, backend, hasMoved, cluster) {
      seen.log.push(tokensNow(cluster))
      if (hasMoved) seen.moved++
      else seen.refused++
      seen.log.push(`${request.id} ${hasMoved ? 'moved to' : 'stays on'} ${backend.id}`)
    },
    onProgress(request, backend, tokens, cluster) {
      if (cluster.emittedTokens(request.id) !== tokens)
        throw new Error(`${request.id}: told ${tokens}, got ${cluster.emittedTokens(request.id)}`)
      seen.log.push(`${request.id} has ${tokens} on ${backend.id}`)
    },
    onReply(id, backend, reply) {
      const { waiting, running, kvUsage, matchedTokens } = reply ?? {}
      seen.log.push(`${id} on ${backend.id}: ${waiting} ${running} ${kvUsage} ${matchedTokens}`)
    },
    onFinished(request, backend, cluster, usage) {
      seen.log.push(`${request.id} ended: ${tokensNow(cluster)}`)
      underWay.delete(request.id)
      inner.onFinished?.(request, backend, cluster, usage)
    },
  }
}
