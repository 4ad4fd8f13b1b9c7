import {
  type BackendView,
  type ClusterView,
  type DecisionNotes,
  type Hold,
  hold,
  type RequestView,
} from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { HashRing } from '../hashing/hash-ring.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { isAvailable, noAvailableBackend } from '../pickers/available.js'
import { backendOf, positionOf } from '../pickers/backend-of.js'
import { indexParameter, PrefixBelief } from '../prefix-index/prefix-belief.js'
import { DualmapQueues, type DualmapRequest, uncachedOn } from './dualmap-queues.js'
import { DualmapTurns } from './dualmap-turns.js'

/**
 * The first block of a prompt hashes to two backends. Of these the one that holds more of the prompt, unless its
 * estimated TTFT is above `slo_ms` / 2: then the one with the lower. Ties: fewer held KV tokens, then chance.
 * TTFT = `prefill_ms_per_token` x uncached tokens of what waits for it here, of what it has without a first
 * token, and of the request.
 *
 * Requests wait here, those with the longest match first, until their backend has less than `max_pending` without a
 * first token. While a backend's estimate is above `slo_ms`, or a request has waited for `max_wait_ms`, requests
 * move from its queue, the one that gains most first, to their other backend, or to a neighbour when that is full.
 *
 * Source: A-zhudong/DualMap, dualmap/scheduler (`dualmap`), without its later classes of priority; ICLR 2026.
 * O(queue), and O(queue^2) for a move.
 */
export const dualmap: RouterDefinition = defineRouter({
  name: 'dualmap',
  description: 'Two backends for each prefix: the cache decides between them, unless it is busy.',
  observes: ['own requests', 'kv cache contents', 'kv usage', 'prompt content', 'time'],
  rule: 'Two hashes of the first block name two backends. The longer match wins, or the lower estimated TTFT once that of the longer match is above slo_ms / 2. Each has a queue at the router, from which requests move on when it is late.',
  terms: {
    uncached_tokens: 'Tokens of this prompt to compute, on its two backends.',
    before_it_tokens:
      'Tokens to compute there of what waits here for it, or has no first token yet.',
  },
  wins: 'Hot prefixes: two backends share each, and one of them always has it.',
  loses: 'One prefix is hotter than two backends can bear; prefill_ms_per_token is wrong.',
  source: 'A-zhudong/DualMap, dualmap/scheduler at 65f237b',
  parameters: {
    slo_ms: { default: 5000, min: 0, description: 'TTFT that is aimed at, in ms.' },
    prefill_ms_per_token: {
      default: 0.16,
      min: 0,
      description: 'Time that a backend takes for a prompt token, in ms.',
    },
    max_pending: {
      default: 1,
      min: 1,
      integer: true,
      description: 'Requests without a first token that a backend has at most.',
    },
    max_wait_ms: {
      default: 3000,
      min: 0.001,
      description: 'Time after which requests move to another queue.',
    },
    block_tokens: {
      default: 128,
      min: 1,
      integer: true,
      description: 'Tokens of a block: of the first one, and of all of the approximate index.',
    },
    points: { default: 150, min: 1, integer: true, description: 'Points per backend of the ring.' },
    index: indexParameter,
    capacity_tokens: {
      default: 1_000_000,
      min: 1,
      description: 'Tokens per backend that the approximate index remembers.',
    },
  },
  presets: {
    published: {
      description:
        'The start-up values of the repository for 910B4 cards, not necessarily those of the paper; its points per backend and its hashes are not mirrored.',
      mirrors: 'A-zhudong/DualMap at 65f237b',
      parameters: { slo_ms: 5000, prefill_ms_per_token: 0.16, max_pending: 1, max_wait_ms: 3000 },
    },
  },
  create: (parameters) => {
    const { slo_ms, prefill_ms_per_token, max_pending, max_wait_ms, block_tokens } = parameters
    const belief = new PrefixBelief(parameters.index, {
      blockTokens: block_tokens,
      capacityBlocks: Math.ceil(parameters.capacity_tokens / block_tokens),
      ttlMs: Number.POSITIVE_INFINITY,
      maxTokens: Number.POSITIVE_INFINITY,
      countsAfterGaps: false,
    })
    const ring = new HashRing(parameters.points)
    const queues = new DualmapQueues()
    const pending = new InFlightTokens()
    const turns = new DualmapTurns()
    let members: ArrayLike<number> | undefined
    /** The request whose prompt was read in this call, -1 for none. */
    let readRow = -1

    /** Uncached tokens of a backend's queue, and of what it has without a first token. */
    const backlog = (backend: number): number => queues.tokens[backend]! + pending.tokens[backend]!

    const isLate = (backend: number, more: number, cluster: ClusterView): boolean =>
      (backlog(backend) + more) * prefill_ms_per_token > slo_ms ||
      queues.longestWaitMs(backend, cluster) >= max_wait_ms

    function candidate(cluster: ClusterView, key: number, seed: number): number {
      let id = ring.firstOf(key, seed)
      while (id !== -1 && !isAvailable(cluster, id)) id = ring.next()
      return id
    }

    /** The next available backend after one, which may be itself. */
    function after(cluster: ClusterView, id: number): number {
      const { ids } = cluster
      const from = positionOf(cluster, id)
      for (let i = 1; i < ids.length; i++) {
        const other = ids[(from + i) % ids.length]!
        if (isAvailable(cluster, other)) return other
      }
      return id
    }

    function toDualmap(request: RequestView, cluster: ClusterView): DualmapRequest | undefined {
      const head = request.promptHead(block_tokens)
      // A prompt of which nobody knows the tokens has no home.
      const key = head === -1 ? cluster.random.integer(2 ** 31) : head
      if (cluster.ids !== members) {
        members = cluster.ids
        ring.setMembers(members)
      }
      const first = candidate(cluster, key, 1)
      if (first === -1) return undefined
      const other = candidate(cluster, key, 2)
      const known = belief.matched(request, cluster)
      readRow = request.id
      const { length } = cluster.columns.waiting
      const coming = queues.take(length)
      coming.id = request.id
      coming.arrivalMs = request.arrivalMs
      coming.promptTokens = request.promptTokens
      coming.first = first
      coming.second = other === first ? after(cluster, first) : other
      const { matched } = coming
      for (let i = 0; i < length; i++) matched[i] = known[i]!
      return coming
    }

    /** KV tokens that a backend holds. */
    function held(cluster: ClusterView, id: number): number {
      const { kvUsage, kvTokens } = backendOf(cluster, id)
      return kvUsage * kvTokens
    }

    /** Which of the two: the first's figure less the second's, the lower the better; then held KV tokens, then chance. */
    function better(
      { first, second }: DualmapRequest,
      cluster: ClusterView,
      difference: number,
    ): number {
      if (first === second) return first
      if (difference !== 0) return difference < 0 ? first : second
      const load = held(cluster, first) - held(cluster, second)
      if (load !== 0) return load < 0 ? first : second
      return cluster.random.integer(2) === 0 ? first : second
    }

    const ttftOf = (request: DualmapRequest, id: number): number =>
      (backlog(id) + uncachedOn(request, id)) * prefill_ms_per_token

    function choose(request: DualmapRequest, cluster: ClusterView): number {
      const { first, second } = request
      const uncached = uncachedOn(request, first) - uncachedOn(request, second)
      const holder = better(request, cluster, uncached)
      const isSlow = ttftOf(request, holder) > slo_ms / 2
      const chosen = isSlow
        ? better(request, cluster, ttftOf(request, first) - ttftOf(request, second))
        : holder
      const { notes } = cluster
      if (notes !== undefined) {
        notes.branch(isSlow ? 'the lower TTFT of its two' : 'the longer match of its two')
        note(request, cluster, notes, isSlow ? ttftOf : uncachedOn, chosen)
      }
      return chosen
    }

    function note(
      request: DualmapRequest,
      cluster: ClusterView,
      notes: DecisionNotes,
      figure: (request: DualmapRequest, backend: number) => number,
      chosen: number,
    ): void {
      const costs = new Float64Array(cluster.columns.waiting.length).fill(Number.POSITIVE_INFINITY)
      for (const id of [request.first, request.second]) {
        costs[id] = figure(request, id)
        notes.term('uncached_tokens', id, uncachedOn(request, id))
        notes.term('before_it_tokens', id, backlog(id))
      }
      notes.compared(cluster, costs, backendOf(cluster, chosen))
    }

    const takes = (request: DualmapRequest, id: number, cluster: ClusterView): boolean =>
      isAvailable(cluster, id) && !isLate(id, uncachedOn(request, id), cluster)

    /** Where a request of a queue that is late may go, -1 when nowhere. @param next - the neighbour of the queue */
    function refuge(
      request: DualmapRequest,
      source: number,
      next: number,
      cluster: ClusterView,
    ): number {
      const other = source === request.first ? request.second : request.first
      if (other !== source && takes(request, other, cluster)) return other
      const neighbour = next === other ? after(cluster, other) : next
      const isElsewhere = neighbour !== source && neighbour !== other
      return isElsewhere && takes(request, neighbour, cluster) ? neighbour : -1
    }

    /** Moves what gains most out of a queue that is late. */
    function relieve(source: number, cluster: ClusterView): void {
      const queue = queues.of(source)
      const next = after(cluster, source)
      const excess = backlog(source) - slo_ms / prefill_ms_per_token
      for (let moved = 0; queue.length > 1 && !(excess > 0 && moved >= excess); ) {
        let gain = 0
        let best: DualmapRequest | undefined
        let target = -1
        let ahead = pending.tokens[source]!
        for (let i = 0; i < queue.length; i++) {
          const request = queue[i]!
          ahead += uncachedOn(request, source)
          const to = refuge(request, source, next, cluster)
          if (to === -1) continue
          const there =
            pending.tokens[to]! + queues.tokensAhead(to, request) + uncachedOn(request, to)
          if (ahead - there <= gain) continue
          gain = ahead - there
          best = request
          target = to
        }
        if (best === undefined) return
        queues.remove(best.id)
        queues.push(best, target)
        moved += uncachedOn(best, source)
      }
    }

    /** Lets those go whose turn it is. @param asking - the request that is asked about, which is not held */
    function schedule(cluster: ClusterView, asking: number): void {
      turns.expire(cluster)
      if (queues.size === 0) return
      for (let id = queues.nextCrowded(0); id !== -1; id = queues.nextCrowded(id + 1)) {
        if (positionOf(cluster, id) !== -1 && isLate(id, 0, cluster)) relieve(id, cluster)
      }
      for (let id = queues.nextWaiting(0); id !== -1; id = queues.nextWaiting(id + 1)) {
        let free = max_pending - pending.requests[id]! - turns.countOf(id)
        if (free <= 0 || !isOpen(cluster, id)) continue
        for (; free > 0; free--) {
          const request = queues.shift(id)
          if (request === undefined) break
          const row = request.id
          turns.call(row, id, uncachedOn(request, id), cluster)
          queues.giveBack(request)
          if (row !== asking) cluster.release(row, askAtOnce)
        }
      }
    }

    const isOpen = (cluster: ClusterView, id: number): boolean =>
      positionOf(cluster, id) !== -1 && isAvailable(cluster, id)

    /** Rows are given to other requests when theirs have ended, perhaps while they waited here. */
    function isSame({ id, arrivalMs }: RequestView, place: number): boolean {
      const queue = queues.of(place)
      for (let i = 0; i < queue.length; i++)
        if (queue[i]!.id === id) return queue[i]!.arrivalMs === arrivalMs
      return false
    }

    function drop(id: number): void {
      const request = queues.remove(id)
      if (request !== undefined) queues.giveBack(request)
    }

    /** What is decided of a request whose turn may have come. */
    function turnOf(request: RequestView, cluster: ClusterView): BackendView | undefined {
      const backend = turns.backendOf(request.id, cluster)
      if (backend === -1 || !isOpen(cluster, backend)) return undefined
      if (readRow === request.id) belief.sent(backend, cluster.nowMs)
      else belief.sentLater(request, backend, cluster.nowMs)
      return backendOf(cluster, backend)
    }

    return {
      route(request, cluster) {
        const { id } = request
        const { nowMs } = cluster
        readRow = -1
        pending.reserve(cluster.columns.waiting.length)
        queues.reserve(cluster.columns.waiting.length)
        const turn = turnOf(request, cluster)
        if (turn !== undefined) {
          cluster.notes?.branch('its turn')
          return turn
        }
        turns.forget(id)
        const place = queues.placeOf(id)
        // Asked again, it has waited for long; its backend may be gone, or it is another request.
        if (place !== -1 && !(isOpen(cluster, place) && isSame(request, place))) drop(id)
        if (queues.placeOf(id) === -1) {
          const coming = toDualmap(request, cluster)
          if (coming === undefined) {
            cluster.notes?.branch('none is available')
            return noAvailableBackend
          }
          queues.push(coming, choose(coming, cluster))
        } else cluster.notes?.branch('it has waited for long')
        schedule(cluster, id)
        return turnOf(request, cluster) ?? hold(nowMs + max_wait_ms)
      },
      onDispatched({ id }, backend, cluster) {
        const uncached = turns.uncachedOf(id)
        turns.forget(id)
        pending.add(id, backend.id, uncached)
        schedule(cluster, -1)
      },
      onFirstToken({ id }, _backend, cluster) {
        pending.release(id)
        schedule(cluster, -1)
      },
      onFinished({ id }, _backend, cluster) {
        pending.release(id)
        schedule(cluster, -1)
      },
      onAbandoned({ id }, cluster) {
        turns.forget(id)
        drop(id)
        schedule(cluster, -1)
      },
      onBackendChange(backend, change, cluster) {
        if (change !== 'unhealthy' && change !== 'removed') return
        // They choose again.
        for (const { id } of [...queues.of(backend.id)]) {
          drop(id)
          cluster.release(id, hold(cluster.nowMs))
        }
      },
      onRunsForgotten: (ids) => belief.forget(ids),
      customMetrics: () => ({ dualmap_waiting: queues.size }),
    }
  },
})

/** Asked about again within this instant, which 0 ms is never after. */
const askAtOnce: Hold = Object.freeze(hold(0))
