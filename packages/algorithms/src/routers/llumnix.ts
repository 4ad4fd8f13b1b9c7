import type { BackendView, ClusterView, DecisionNotes, RoutingAlgorithm } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { isAvailable } from '../pickers/available.js'
import { backendOf } from '../pickers/backend-of.js'
import { leastOf } from '../pickers/pick.js'
import { sortByKey } from '../pickers/sort-by-key.js'
import { LlumnixRequests } from './llumnix-requests.js'
import { demandedBlocks, freeBlocks, LlumnixRoom } from './llumnix-room.js'
import { LlumnixRounds } from './llumnix-rounds.js'

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
 * shortest request that decodes is moved, unless one of the two takes part in a move already. How many tokens
 * requests have is asked then, as a backend of Llumnix itself knows which of its requests is the shortest.
 *
 * Where a backend does not say how many KV blocks it has, requests are compared instead, and none is moved.
 *
 * Rounds in which nothing could be moved are left out. For a router that is alone, with exact lengths of prompts
 * and answers no longer than declared, it moves what it would move if it looked in every round; only what changes
 * in the very instant of a round that was left out counts in the next. What several routers do shows as requests
 * that are not its own: each looks in every round while it sees any beside its own, and notices them when it
 * sends, or in a round. So does one to which lengths are estimates, when it sees that a backend is short.
 *
 * Source: as of {@link freeness}. Dispatch is O(backends), a round of moves O(requests + backends log backends).
 */
export const llumnix: RouterDefinition = defineRouter({
  name: 'llumnix',
  description:
    'Sends to the backend that could go on for longest without more memory, and moves running requests there.',
  observes: ['queue lengths', 'kv usage', 'own requests', 'time'],
  rule: 'Freeness = (free KV blocks - blocks demanded by waiting requests) / requests. The highest gets the request. Every interval_ms the shortest decode of each backend with a freeness below threshold moves to one above it, with its KV cache, one at a time; one that has just moved stays until it has got a token. It leaves out rounds in which nothing could move: where all requests are its own, with exact metrics, and would leave room with prompts and max_tokens as it sees them. Requests of other routers, and estimates that were too low, it notices when it dispatches, or in a round. Where it is unknown how much room some backend has, as with live servers without kv_tokens, the fewest requests get the request, of equals the lower KV usage, and nothing is moved.',
  terms: {
    free_blocks: 'KV blocks that no running request holds; 0 where it is unknown.',
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
    const requests = new LlumnixRequests()
    const room = new LlumnixRoom(threshold, requests)
    const rounds = new LlumnixRounds(interval_ms)
    /** Whether any backend was short of room when a request was routed. */
    let wasAnyShort = false
    /** By backend: whether it takes part in a move. */
    let isTaken = new Uint8Array(0)
    let sources = new Int32Array(0)
    let targets = new Int32Array(0)

    function markTaken(): void {
      isTaken.fill(0)
      const { moving } = requests
      for (let i = 0; i < moving.length; i++) {
        isTaken[requests.backendOf(moving[i]!)] = 1
        isTaken[requests.targetOf(moving[i]!)] = 1
      }
    }

    /** Has another round made, unless there could be nothing to move in it. */
    function goOn(cluster: ClusterView): void {
      if (!rounds.isAwaited && room.mayAnyBeShort(cluster)) rounds.await(cluster)
    }

    /** The same, as something has changed on one backend. */
    function goOnFor(backend: BackendView, cluster: ClusterView): void {
      if (!rounds.isAwaited && room.mayBeShort(cluster, backend)) rounds.await(cluster)
    }

    function moveSome(cluster: ClusterView): void {
      if (!room.isAnyShort(cluster)) return
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
        const target = backendOf(cluster, targets[i]!)
        if (isTaken[source] === 1 || isTaken[target.id] === 1) continue
        const request = requests.shortestOn(source, target.model, cluster)
        if (request === -1) continue
        requests.move(request, target)
        cluster.migrate(request, target, 'transfer')
      }
    }

    return {
      ...(migration && { migrates: true }),
      route(_request, cluster) {
        const { notes } = cluster
        if (notes !== undefined) noteRoom(cluster, notes)
        wasAnyShort = room.update(cluster)
        notes?.highest()
        return leastOf(cluster, room.costs, 'first')
      },
      ...(migration &&
        ({
          onDispatched({ id, promptTokens, maxTokens, model }, _backend, cluster, decode) {
            requests.add(id, decode, promptTokens, maxTokens, model)
            rounds.begin(cluster)
            if (wasAnyShort) goOn(cluster)
            else goOnFor(decode, cluster)
          },
          onHandedOver({ id }, decode, cluster) {
            requests.moved(id, decode)
            goOnFor(decode, cluster)
          },
          onFirstToken({ id }) {
            requests.answered(id)
          },
          onMigrated({ id }, backend, hasMoved, cluster) {
            requests.moved(id, backend)
            if (hasMoved) requests.keep(id, cluster.emittedTokens(id))
            goOnFor(backend, cluster)
          },
          onFinished({ id }) {
            requests.remove(id)
          },
          onBackendChange(backend, _change, cluster) {
            goOnFor(backend, cluster)
          },
          onTimer(id, cluster) {
            if (!rounds.isDue(id)) return
            moveSome(cluster)
            goOn(cluster)
          },
        } satisfies Partial<RoutingAlgorithm>)),
    }
  },
})
