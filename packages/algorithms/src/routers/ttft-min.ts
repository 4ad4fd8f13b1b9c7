import {
  type BackendView,
  type ClusterView,
  type RandomStream,
  type Reject,
  type RequestView,
  reject,
} from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { LatencyPredictor } from '../load/latency-predictor.js'
import { columnFor, grown } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

const tooLate: Reject = Object.freeze(reject('ttft_slo'))

/** First tokens from which on a learned line counts. */
const ENOUGH = 2

/**
 * Prefill time in ms by the policy `conductor` of AIBrix, of a prompt with so many cached and uncached tokens.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/algorithms (pd) at e3e10f9.
 */
function conductorMs(cached: number, uncached: number): number {
  return 0.005 * cached + 1 + (0.001 * uncached * Math.sqrt(uncached) + 5)
}

/**
 * min of the expected TTFT, (t + p - m) / r: t the uncached tokens this router has under way on the backend, p
 * the prompt, of which m are cached there, r = `prefill_tokens_per_sec`. With `ttft_slo_ms` above 0, a request
 * that can not make it anywhere is rejected. Ties follow `ties`.
 *
 * Source: Mooncake, Algorithm 1, FAST 2025, without its transfer of prefixes between backends, whose
 * threshold is unpublished; prefill time is a straight line here. O(backends) and one prefix match.
 */
export const ttftMin: RouterDefinition = defineRouter({
  name: 'ttft_min',
  description: 'Sends to the backend that should give the first token soonest.',
  observes: ['own requests', 'kv cache contents', 'time'],
  rule: 'Lowest (uncached tokens under way + uncached tokens of this prompt) / prefill rate, or another estimate of the same; optionally rejects what would be late.',
  terms: {
    uncached_tokens: 'Tokens of this prompt to compute.',
    under_way_tokens: 'Tokens to compute before it; by the curve of the conductor, ms.',
  },
  wins: 'Prefill dominates, and prompts differ much in length and in what is cached.',
  loses: 'Decoding dominates: running requests that decode do not count.',
  source: 'Mooncake, FAST 2025, Algorithm 1',
  parameters: {
    prefill_tokens_per_sec: {
      default: 15_928,
      min: 1,
      description: 'Prefill rate of one backend; the default is that of Qwen3-32B on two H100.',
    },
    ttft_slo_ms: {
      default: 0,
      min: 0,
      description: 'Expected TTFT above which a request is rejected; 0 for never.',
    },
    estimate: {
      default: 'rate',
      choices: ['rate', 'conductor', 'learned'],
      description:
        'Where expected times come from: the prefill rate, the curve of the AIBrix conductor, or a line learned of each backend.',
    },
    memory: {
      default: 0.99,
      min: 0.001,
      max: 1,
      description: 'Share of its weight that what was learned keeps when more comes.',
    },
    error: {
      default: 0,
      min: 0,
      description: 'Standard deviation of an error that learned times get, relative to them.',
    },
    ties: tiesParameter,
  },
  presets: {
    mooncake: {
      description:
        'Conductor, without transfers of prefixes between backends, whose threshold is unpublished; its fit of prefill time is of each deployment, here a straight line.',
      mirrors: 'Mooncake, Algorithm 1, FAST 2025',
      parameters: { ttft_slo_ms: 0 },
    },
    aibrix_conductor: {
      description:
        'The prefill policy conductor. Its mean prefill time is that of a pod; here requests before this one count by their own curve.',
      mirrors: 'AIBrix at e3e10f9, pd with prefill policy conductor',
      parameters: { estimate: 'conductor' },
    },
    llm_d_latency: {
      description:
        'A predicted TTFT, until a backend has had two first tokens by the prefill rate. Of the latency-scorer its model, its tiers of headroom against SLOs and its share of TPOT are not mirrored.',
      mirrors: 'llm-d-router at ebab687, latency-scorer',
      parameters: { estimate: 'learned' },
    },
    llumnix_cache_aware: {
      description:
        'Fewest missing tokens plus prefill tokens of all requests there; its filters and its other rule for prompts below 1,024 tokens are not mirrored.',
      mirrors: 'llumnix-project/llumnix at 8a693b4, cache-aware',
      parameters: { ttft_slo_ms: 0 },
    },
  },
  create: ({ prefill_tokens_per_sec, ttft_slo_ms, estimate, memory, error, ties }) => {
    // Uncached tokens under way, or what they take by the curve, in ms.
    const inFlight = new InFlightTokens()
    const learned: LatencyPredictor[] = []
    /** By backend id: first tokens that were learned from. */
    const observed: number[] = []
    const isLearning = estimate === 'learned'
    let costs = new Float64Array(0)
    let uncached = new Float64Array(0)
    let work = new Float64Array(0)
    /** By row: what a request had before it, itself included, when it was sent. */
    let workAhead = new Float64Array(0)

    function learnedMs(id: number, tokens: number, random: RandomStream): number {
      return (observed[id] ?? 0) < ENOUGH
        ? (tokens / prefill_tokens_per_sec) * 1000
        : learned[id]!.predict(tokens, random)
    }

    return {
      route(request, cluster) {
        const { ids } = cluster
        costs = columnFor(costs, cluster)
        uncached = columnFor(uncached, cluster)
        work = columnFor(work, cluster)
        inFlight.reserve(costs.length)
        const { promptTokens } = request
        const matched = cluster.prefixMatch(request)
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const cached = Math.min(promptTokens, matched[id]!)
          const missing = promptTokens - cached
          work[id] = estimate === 'conductor' ? conductorMs(cached, missing) : missing
          uncached[id] = missing
          const before = inFlight.tokens[id]!
          costs[id] =
            estimate === 'rate'
              ? ((before + missing) / prefill_tokens_per_sec) * 1000
              : isLearning
                ? learnedMs(id, before + missing, cluster.random)
                : before + work[id]!
        }
        cluster.notes?.terms('uncached_tokens', uncached)
        cluster.notes?.terms('under_way_tokens', inFlight.tokens)
        const chosen = leastOf(cluster, costs, ties)
        const isLate = ttft_slo_ms > 0 && chosen.kind === 'backend'
        return isLate && costs[chosen.id]! > ttft_slo_ms ? tooLate : chosen
      },
      onDispatched(request: RequestView, backend: BackendView) {
        inFlight.add(request.id, backend.id, work[backend.id]!)
        if (!isLearning) return
        if (request.id >= workAhead.length)
          workAhead = grown(workAhead, new Float64Array(Math.max(1024, 2 * (request.id + 1))))
        workAhead[request.id] = inFlight.tokens[backend.id]!
      },
      onFirstToken(request: RequestView, backend: BackendView, { nowMs }: ClusterView) {
        inFlight.release(request.id)
        // What a retried request has waited for before says nothing of this backend.
        if (!isLearning || request.attempt > 0) return
        const { id } = backend
        learned[id] ??= new LatencyPredictor(memory, error)
        learned[id].observe(workAhead[request.id]!, nowMs - request.arrivalMs)
        observed[id] = (observed[id] ?? 0) + 1
      },
      onFinished(request: RequestView) {
        inFlight.release(request.id)
      },
    }
  },
})
