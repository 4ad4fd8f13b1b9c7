import { type BackendView, type ClusterView, hold, type RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { lengthExponent, WorkProfile } from '../load/work-profile.js'
import { countAvailable, isAvailable, noAvailableBackend } from '../pickers/available.js'
import { backendOf, positionOf } from '../pickers/backend-of.js'
import { columnFor, grown } from '../pickers/column.js'
import { SloAdmitted } from './aibrix-slo-admitted.js'
import { SloQueue, type SloRequest } from './aibrix-slo-queue.js'

/** What is the same for all requests of one queue. */
type SloClass = Pick<SloRequest, 'key' | 'share' | 'excessMs'>

/**
 * Requests wait here in queues by the rounded binary logarithms of their prompts and expected answers. Of the heads of
 * the queues the one with the highest time waited + expected latency - target goes first, and if it fits nowhere the
 * next, to the backend with the least u + c, as long as that is at most 1: u is what requests under way take of the
 * backend, c what this one takes, 1 / (rate x latency) by a profile. The target is `slo_tpot_ms` per token of the answer
 * and `slo_ttft_ms`. Ties: the last backend. With `pulls` off nothing waits and the least u is taken.
 *
 * An answer is expected to be as long as those to prompts of its class were on average, `output_tokens` before any.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/queue/slo_queue.go and algorithms/least_load.go at e3e10f9.
 * O(backends + queues) each time a request comes, or ends.
 */
export const aibrixSlo: RouterDefinition = defineRouter({
  name: 'aibrix_slo',
  description: 'Keeps requests back until a backend has room for their length, the latest first.',
  observes: ['own requests', 'time'],
  rule: 'By a profile of the backends each request takes a part of one. Those that do not fit yet wait, in queues by length, of whose heads the one furthest behind its SLO goes first, to the backend that is least taken.',
  terms: { taken: 'Part of the backend that requests under way take.' },
  wins: 'Lengths differ much, and the profile is right: late ones overtake, and no backend gets more than it can do.',
  loses:
    'The profile asks for too little or too much: backends idle, or queue even so. Prefixes do not count.',
  source: 'vllm-project/aibrix, pkg/plugins/gateway/queue/slo_queue.go at e3e10f9',
  parameters: {
    slo_ttft_ms: { default: 5000, min: 0, description: 'TTFT that is aimed at.' },
    slo_tpot_ms: { default: 50, min: 0, description: 'Time per output token that is aimed at.' },
    prefill_tokens_per_sec: {
      default: 15_928,
      min: 1,
      description: 'Prefill rate of one backend by the profile.',
    },
    tpot_ms: {
      default: 20,
      min: 0.001,
      description: 'Time per output token by the profile.',
    },
    decode_tokens_per_sec: {
      default: 3200,
      min: 1,
      description: 'Output tokens of a full backend by the profile.',
    },
    output_tokens: {
      default: 128,
      min: 1,
      description: 'Tokens of an answer before one of its class has been seen.',
    },
    pulls: { default: true, description: 'Whether requests wait until a backend has room.' },
  },
  presets: {
    slo_least_load_pulling: {
      description:
        'The policy slo. Profiles and SLOs are of each deployment, none is shipped: the values here stand for them. Its predictor of answers is not mirrored.',
      mirrors: 'AIBrix at e3e10f9, slo-least-load-pulling',
      parameters: { pulls: true },
    },
    slo_least_load: {
      description: 'The same without waiting; profiles and SLOs as above.',
      mirrors: 'AIBrix at e3e10f9, slo-least-load',
      parameters: { pulls: false },
    },
  },
  create: (parameters) => {
    const { slo_ttft_ms, slo_tpot_ms, pulls } = parameters
    const profile = new WorkProfile({
      prefillTokensPerSec: parameters.prefill_tokens_per_sec,
      tpotMs: parameters.tpot_ms,
      decodeTokensPerSec: parameters.decode_tokens_per_sec,
    })
    const queue = new SloQueue()
    /** Those under way, and those whose turn it is. */
    const admitted = new SloAdmitted()
    const called = new Set<number>()
    /** By exponent of the class of prompt: answers, and tokens in them. */
    const answers: { count: number; tokens: number }[] = []
    /** By the key of a queue: what is said of all in it. */
    const classes = new Map<number, SloClass>()
    let taken = new Float64Array(0)
    let costs = new Float64Array(0)

    function toWaiting({ id, arrivalMs, promptTokens }: RequestView): SloRequest {
      const { key, share, excessMs } = classOf(promptTokens)
      return { id, arrivalMs, key, share, excessMs }
    }

    function classOf(promptTokens: number): SloClass {
      const prompt = lengthExponent(promptTokens)
      const seen = answers[prompt]
      const output = lengthExponent(
        seen === undefined ? parameters.output_tokens : seen.tokens / seen.count,
      )
      const key = prompt * 64 + output
      let found = classes.get(key)
      if (found === undefined) {
        found = profiled(key, 2 ** prompt, 2 ** output)
        classes.set(key, found)
      }
      return found
    }

    function profiled(key: number, prompt: number, output: number): SloClass {
      const targetMs = slo_tpot_ms * output + slo_ttft_ms
      const excessMs = profile.latencyMs(prompt, output) - targetMs
      return { key, share: profile.share(prompt, output), excessMs }
    }

    function admit(id: number, backend: number, share: number, atMs: number): void {
      leave(id)
      admitted.add(id, backend, share, atMs)
      taken[backend] = taken[backend]! + share
    }

    function leave(id: number): void {
      const backend = admitted.backendOf(id)
      if (backend === -1) return
      admitted.remove(id)
      if (called.size > 0) called.delete(id)
      taken[backend] = taken[backend]! - admitted.shareOf(id)
    }

    /** The least taken of the available backends, of equals the last; -1 for none. */
    function leastTaken(cluster: ClusterView): number {
      const { columns, ids } = cluster
      const { waiting, maxQueueDepth } = columns
      const parts = taken
      let least = Number.POSITIVE_INFINITY
      let best = -1
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        const part = parts[id]!
        if (part > least || waiting[id]! >= maxQueueDepth[id]!) continue
        least = part
        best = id
      }
      return best
    }

    /** Lets those go for whom there is room. @param asking - the request that is asked about, which is not held */
    function schedule(cluster: ClusterView, asking: number): void {
      const { nowMs } = cluster
      taken = grown(taken, columnFor(taken, cluster))
      while (queue.size > 0) {
        const backend = leastTaken(cluster)
        if (backend === -1) return
        const room = pulls ? 1 - taken[backend]! : Number.POSITIVE_INFINITY
        const next = queue.latest(nowMs, room)
        if (next === undefined) return
        queue.remove(next)
        admit(next.id, backend, next.share, nowMs)
        called.add(next.id)
        if (next.id !== asking) cluster.release(next.id, hold(nowMs))
      }
    }

    /** Those whose turn was not taken, because their clients have given up. */
    function dropUnsent(nowMs: number): void {
      for (const id of called) if (admitted.admittedMs(id) < nowMs) leave(id)
    }

    function turnOf({ id }: RequestView, cluster: ClusterView): BackendView | undefined {
      if (!called.has(id) || admitted.admittedMs(id) !== cluster.nowMs) return undefined
      const backend = admitted.backendOf(id)
      if (positionOf(cluster, backend) === -1 || !isAvailable(cluster, backend)) return undefined
      const chosen = backendOf(cluster, backend)
      if (cluster.notes !== undefined) {
        costs = columnFor(costs, cluster)
        costs.set(taken)
        costs[backend] = costs[backend]! - admitted.shareOf(id)
        cluster.notes.branch(pulls ? 'room for it' : 'the least taken')
        cluster.notes.terms('taken', costs)
        cluster.notes.compared(cluster, costs, chosen)
      }
      return chosen
    }

    return {
      route(request, cluster) {
        const { nowMs, notes } = cluster
        const turn = turnOf(request, cluster)
        if (turn !== undefined) return turn
        if (called.size > 0) dropUnsent(nowMs)
        leave(request.id)
        const waiting = queue.of(request.id)
        // Rows are given to other requests when theirs have ended, perhaps while they waited here.
        const isSame = waiting?.arrivalMs === request.arrivalMs
        if (waiting !== undefined && !isSame) queue.remove(waiting)
        if (countAvailable(cluster) === 0) {
          if (isSame && waiting !== undefined) queue.remove(waiting)
          notes?.branch('none is available')
          return noAvailableBackend
        }
        if (!isSame) queue.push(toWaiting(request))
        schedule(cluster, request.id)
        const now = turnOf(request, cluster)
        if (now === undefined) notes?.branch('no room for it')
        return now ?? hold(nowMs + LOOK_MS)
      },
      onDispatched(request, _backend, cluster, decode) {
        taken = grown(taken, columnFor(taken, cluster))
        if (admitted.backendOf(request.id) !== decode.id) {
          admit(request.id, decode.id, classOf(request.promptTokens).share, cluster.nowMs)
        }
        called.delete(request.id)
      },
      onFinished({ id, promptTokens }, _backend, cluster, { completed, outputTokens }) {
        leave(id)
        if (completed && !Number.isNaN(outputTokens)) {
          const prompt = lengthExponent(promptTokens)
          answers[prompt] ??= { count: 0, tokens: 0 }
          const seen = answers[prompt]
          seen.count++
          seen.tokens += outputTokens
        }
        schedule(cluster, -1)
      },
      onAbandoned({ id }, cluster) {
        leave(id)
        const waiting = queue.of(id)
        if (waiting !== undefined) queue.remove(waiting)
        schedule(cluster, -1)
      },
      onBackendChange(_backend, _change, cluster) {
        schedule(cluster, -1)
      },
      customMetrics: () => ({ aibrix_slo_waiting: queue.size }),
    }
  },
})

/** Time after which a request that waits is looked at again, whatever happens. */
const LOOK_MS = 60_000
