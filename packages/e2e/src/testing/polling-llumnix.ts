import { freeness } from '@routesim/algorithms'
import type { BackendView, ClusterView, RoutingAlgorithm } from '@routesim/core'

/** A request as {@link pollingLlumnix} keeps it. */
interface Known {
  readonly id: number
  readonly promptTokens: number
  readonly model: string | undefined
  at: number
  to: number | undefined
  hasAnswered: boolean
  /** Output tokens at the end of its last move. */
  movedWith: number | undefined
}

/**
 * The rule of Llumnix without any thought of speed: it looks at every backend in every round, from the first
 * dispatch to the end of the run.
 */
export function pollingLlumnix(threshold: number, intervalMs: number): RoutingAlgorithm {
  /** In the order in which they were sent. */
  const known = new Map<number, Known>()
  let firstMs: number | undefined
  let rounds = 0

  const nextRound = (cluster: ClusterView): void =>
    cluster.timer('poll', firstMs! + ++rounds * intervalMs - cluster.nowMs)

  const inOrder = (backends: readonly BackendView[], sign: 1 | -1): readonly BackendView[] =>
    [...backends].sort((a, b) => sign * (freeness(a) - freeness(b)) || a.id - b.id)

  function round(cluster: ClusterView): void {
    const able = cluster.backends.filter(({ role }) => role !== 'prefill')
    const sources = inOrder(
      able.filter((each) => freeness(each) < threshold),
      1,
    )
    const targets = inOrder(
      able.filter((each) => each.available && freeness(each) > threshold),
      -1,
    )
    const taken = new Set(
      [...known.values()].flatMap(({ at, to }) => (to === undefined ? [] : [at, to])),
    )
    for (let i = 0; i < Math.min(sources.length, targets.length); i++) {
      const [source, target] = [sources[i]!, targets[i]!]
      if (taken.has(source.id) || taken.has(target.id)) continue
      const context = ({ id, promptTokens }: Known): number =>
        promptTokens + cluster.emittedTokens(id)
      const [shortest] = [...known.values()]
        .filter(({ at, hasAnswered }) => at === source.id && hasAnswered)
        .filter(({ id, movedWith }) => cluster.emittedTokens(id) !== movedWith)
        .filter(({ model: a }) => a === undefined || [a, undefined].includes(target.model))
        .sort((a, b) => context(a) - context(b))
      if (shortest === undefined) continue
      shortest.to = target.id
      cluster.migrate(shortest.id, target, 'transfer')
    }
  }

  const put = (id: number, at: number): void => {
    const request = known.get(id)
    if (request !== undefined) Object.assign(request, { at, to: undefined })
  }

  return {
    name: 'llumnix',
    migrates: true,
    route(_request, { backends }) {
      const able = backends.filter(({ available }) => available)
      return inOrder(able, -1)[0] ?? { kind: 'reject', reason: 'no_available_backend' }
    },
    onDispatched({ id, promptTokens, model }, _backend, cluster, decode) {
      known.delete(id)
      known.set(id, {
        id,
        promptTokens,
        model,
        at: decode.id,
        to: undefined,
        hasAnswered: false,
        movedWith: undefined,
      })
      if (firstMs !== undefined) return
      firstMs = cluster.nowMs
      nextRound(cluster)
    },
    onHandedOver: ({ id }, decode) => put(id, decode.id),
    onMigrated({ id }, backend, hasMoved, cluster) {
      put(id, backend.id)
      const request = known.get(id)
      if (hasMoved && request !== undefined) request.movedWith = cluster.emittedTokens(id)
    },
    onFirstToken({ id }) {
      const request = known.get(id)
      if (request !== undefined) request.hasAnswered = true
    },
    onFinished: ({ id }) => void known.delete(id),
    onTimer(_id, cluster) {
      round(cluster)
      nextRound(cluster)
    },
  }
}
