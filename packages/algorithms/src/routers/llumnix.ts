import type { BackendView, ClusterView, DecisionNotes, RoutingAlgorithm } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { mostBy } from '../pickers/pick.js'

/** A request of this router that has not ended. */
interface UnderWay {
  backend: number
  /** Of its context: prompt and answer so far. */
  tokens: number
  hasAnswered: boolean
  readonly model: string | undefined
}

/**
 * How many steps a backend could go on without more memory: (free KV blocks - blocks that waiting requests
 * demand) / requests, waiting ones included, at least 1. Below 0 it is overbooked. One that is not healthy
 * counts as wholly so.
 *
 * Its own requests without a first token stand for the demand while any wait, since routers are not told what
 * each of those that wait needs.
 *
 * Source: Sun et al., "Llumnix", OSDI 2024; AlibabaPAI/llumnix at 24220fb (remaining steps).
 */
export function freeness(backend: BackendView): number {
  const { healthy, waiting, running } = backend
  if (!healthy) return Number.NEGATIVE_INFINITY
  return (freeBlocks(backend) - demandedBlocks(backend)) / Math.max(1, waiting + running)
}

function freeBlocks({ blockTokens, kvTokens, kvUsage }: BackendView): number {
  return ((1 - kvUsage) * kvTokens) / blockTokens
}

function demandedBlocks({ waiting, blockTokens, pendingPromptTokens }: BackendView): number {
  return waiting === 0 ? 0 : Math.ceil(pendingPromptTokens / blockTokens)
}

function noteRoom({ backends }: ClusterView, notes: DecisionNotes): void {
  for (const backend of backends) {
    const { id, waiting, running } = backend
    notes.term('free_blocks', id, freeBlocks(backend))
    notes.term('demanded_blocks', id, demandedBlocks(backend))
    notes.term('requests', id, waiting + running)
  }
}

/**
 * Dispatches to the backend with the most {@link freeness}. Every `interval_ms` those with less than
 * `threshold` are paired with those that have more, the i-th most loaded with the i-th least; of each the
 * shortest request that decodes is moved, unless one of the two takes part in a move already.
 *
 * Source: as of {@link freeness}. Dispatch is O(backends), a round of moves O(requests + backends log backends).
 */
export const llumnix: RouterDefinition = defineRouter({
  name: 'llumnix',
  description:
    'Sends to the backend that could go on for longest without more memory, and moves running requests there.',
  observes: ['queue lengths', 'kv usage', 'own requests', 'time'],
  rule: 'Freeness = (free KV blocks - blocks demanded by waiting requests) / requests. The highest gets the request. Every interval_ms the shortest decode of each backend with a freeness below threshold moves to one above it, with its KV cache, one at a time.',
  terms: {
    free_blocks: 'KV blocks that no running request holds.',
    demanded_blocks: 'KV blocks that its waiting requests need.',
    requests: 'Requests there, waiting and running.',
  },
  wins: 'Answers are of unforeseeable length and memory is short: requests move away before others are preempted.',
  loses:
    'Prompts share prefixes, of which it knows nothing; or the link is slow beside the caches that travel.',
  source: 'arXiv:2406.03243; AlibabaPAI/llumnix at 24220fb',
  parameters: {
    migration: { default: true, description: 'Whether requests are moved at all.' },
    threshold: {
      default: 3,
      description: 'Freeness below which requests are moved away, and above which to.',
    },
    interval_ms: { default: 50, min: 0.001, description: 'Time between rounds of moves.' },
  },
  presets: {
    classic: {
      description:
        'The open-source defaults, which differ from the paper; the constants of the paper are not established.',
      mirrors: 'AlibabaPAI/llumnix at 24220fb: load 0.05 s old, thresholds -3, one move at a time',
      parameters: { threshold: 3, interval_ms: 50 },
    },
    dispatch_only: {
      description: 'Without migration, which shows what it is worth.',
      mirrors: 'AlibabaPAI/llumnix at 24220fb, migration off',
      parameters: { migration: false },
    },
  },
  create: ({ migration, threshold, interval_ms }) => {
    const underWay = new Map<number, UnderWay>()
    /** Where those that are on their way go. */
    const moving = new Map<number, number>()
    let isTicking = false

    function shortestOn(backend: number, target: BackendView): number {
      let shortest = -1
      let fewest = Number.POSITIVE_INFINITY
      for (const [id, { backend: at, tokens, hasAnswered, model }] of underWay) {
        if (at !== backend || !hasAnswered || tokens >= fewest) continue
        if (model !== undefined && target.model !== undefined && model !== target.model) continue
        shortest = id
        fewest = tokens
      }
      return shortest
    }

    function isShort(backend: BackendView): boolean {
      return backend.role !== 'prefill' && freeness(backend) < threshold
    }

    function moveSome(cluster: ClusterView): void {
      if (!cluster.backends.some(isShort)) return
      const taken = new Set<number>()
      for (const [id, movesTo] of moving) {
        taken.add(underWay.get(id)!.backend)
        taken.add(movesTo)
      }
      const loads = cluster.backends
        .filter(({ role }) => role !== 'prefill')
        .map((backend) => ({ backend, left: freeness(backend) }))
      const from = loads.filter(({ left }) => left < threshold)
      const to = loads.filter(({ left, backend }) => left > threshold && backend.available)
      from.sort((a, b) => a.left - b.left || a.backend.id - b.backend.id)
      to.sort((a, b) => b.left - a.left || a.backend.id - b.backend.id)
      for (let i = 0; i < Math.min(from.length, to.length); i++) {
        const source = from[i]!.backend.id
        const target = to[i]!.backend
        if (taken.has(source) || taken.has(target.id)) continue
        const request = shortestOn(source, target)
        if (request === -1) continue
        moving.set(request, target.id)
        cluster.migrate(request, target, 'transfer')
      }
    }

    return {
      ...(migration && { migrates: true, progressIntervalMs: interval_ms }),
      route(_request, cluster) {
        if (cluster.notes !== undefined) noteRoom(cluster, cluster.notes)
        return mostBy(cluster, freeness, 'first')
      },
      ...(migration &&
        ({
          onDispatched({ id, promptTokens, model }, _backend, cluster, decode) {
            const tokens = promptTokens
            underWay.set(id, { backend: decode.id, tokens, hasAnswered: false, model })
            if (!isTicking) cluster.timer('llumnix moves', interval_ms)
            isTicking = true
          },
          onFirstToken({ id }) {
            const request = underWay.get(id)
            if (request !== undefined) request.hasAnswered = true
          },
          onProgress({ id, promptTokens }, _backend, tokens) {
            const request = underWay.get(id)
            if (request !== undefined) request.tokens = promptTokens + tokens
          },
          onMigrated({ id }, backend) {
            const request = underWay.get(id)
            if (request === undefined) return
            request.backend = backend.id
            moving.delete(id)
          },
          onFinished({ id }) {
            underWay.delete(id)
            moving.delete(id)
          },
          onTimer(_id, cluster) {
            moveSome(cluster)
            isTicking = underWay.size > 0
            if (isTicking) cluster.timer('llumnix moves', interval_ms)
          },
        } satisfies Partial<RoutingAlgorithm>)),
    }
  },
})
