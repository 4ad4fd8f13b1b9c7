import type { BackendView, ClusterView, DecisionNotes, RoutingAlgorithm } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable } from '../pickers/available.js'
import { backendOf } from '../pickers/backend-of.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { sortByKey } from '../pickers/sort-by-key.js'
import { LlumnixRequests } from './llumnix-requests.js'
import { LlumnixRoom } from './llumnix-room.js'

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
    const room = new LlumnixRoom()
    const requests = new LlumnixRequests()
    let costs = new Float64Array(0)
    /** By backend: whether it takes part in a move. */
    let isTaken = new Uint8Array(0)
    let sources = new Int32Array(0)
    let targets = new Int32Array(0)
    let isTicking = false

    function markTaken(): void {
      isTaken.fill(0)
      const { moving } = requests
      for (let i = 0; i < moving.length; i++) {
        isTaken[requests.backendOf(moving[i]!)] = 1
        isTaken[requests.targetOf(moving[i]!)] = 1
      }
    }

    function moveSome(cluster: ClusterView): void {
      if (!room.hasLessThan(threshold, cluster)) return
      room.update(cluster)
      const { ids } = cluster
      const { freeness: left, isPrefill } = room
      if (isTaken.length < left.length) {
        isTaken = new Uint8Array(left.length)
        sources = new Int32Array(left.length)
        targets = new Int32Array(left.length)
      }
      markTaken()
      let from = 0
      let to = 0
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        if (isPrefill[id] === 1) continue
        if (left[id]! < threshold) sources[from++] = id
        else if (left[id]! > threshold && isAvailable(cluster, id)) targets[to++] = id
      }
      sortByKey(sources, from, left, 1)
      sortByKey(targets, to, left, -1)
      for (let i = 0; i < Math.min(from, to); i++) {
        const source = sources[i]!
        const target = targets[i]!
        if (isTaken[source] === 1 || isTaken[target] === 1) continue
        const request = requests.shortestOn(source, backendOf(cluster, target).model)
        if (request === -1) continue
        requests.move(request, target)
        cluster.migrate(request, backendOf(cluster, target), 'transfer')
      }
    }

    return {
      ...(migration && { migrates: true, progressIntervalMs: interval_ms }),
      route(_request, cluster) {
        const { ids, notes } = cluster
        if (notes !== undefined) noteRoom(cluster, notes)
        costs = columnFor(costs, cluster)
        room.update(cluster)
        const { freeness: left } = room
        for (let i = 0; i < ids.length; i++) costs[ids[i]!] = -left[ids[i]!]!
        notes?.highest()
        return leastOf(cluster, costs, 'first')
      },
      ...(migration &&
        ({
          onDispatched({ id, promptTokens, model }, _backend, cluster, decode) {
            requests.add(id, decode.id, promptTokens, model)
            if (!isTicking) cluster.timer('llumnix moves', interval_ms)
            isTicking = true
          },
          onFirstToken({ id }) {
            requests.answered(id)
          },
          onProgress({ id, promptTokens }, _backend, tokens) {
            requests.grew(id, promptTokens + tokens)
          },
          onMigrated({ id }, backend) {
            requests.moved(id, backend.id)
          },
          onFinished({ id }) {
            requests.remove(id)
          },
          onTimer(_id, cluster) {
            moveSome(cluster)
            isTicking = requests.size > 0
            if (isTicking) cluster.timer('llumnix moves', interval_ms)
          },
        } satisfies Partial<RoutingAlgorithm>)),
    }
  },
})
