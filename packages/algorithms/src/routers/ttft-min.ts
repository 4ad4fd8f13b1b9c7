import { type BackendView, type Reject, type RequestView, reject } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

const tooLate: Reject = Object.freeze(reject('ttft_slo'))

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
  observes: ['own requests', 'kv cache contents'],
  rule: 'Lowest (uncached tokens under way + uncached tokens of this prompt) / prefill rate; optionally rejects what would be late.',
  terms: {
    uncached_tokens: 'Tokens of this prompt to compute.',
    under_way_tokens: 'Tokens to compute before it.',
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
    ties: tiesParameter,
  },
  presets: {
    mooncake: {
      description:
        'Conductor, without transfers of prefixes between backends, whose threshold is unpublished; its fit of prefill time is of each deployment, here a straight line.',
      mirrors: 'Mooncake, Algorithm 1, FAST 2025',
      parameters: { ttft_slo_ms: 0 },
    },
    llumnix_cache_aware: {
      description:
        'Fewest missing tokens plus prefill tokens of all requests there; its filters and its other rule for prompts below 1,024 tokens are not mirrored.',
      mirrors: 'llumnix-project/llumnix at 8a693b4, cache-aware',
      parameters: { ttft_slo_ms: 0 },
    },
  },
  create: ({ prefill_tokens_per_sec, ttft_slo_ms, ties }) => {
    const inFlight = new InFlightTokens()
    let costs = new Float64Array(0)
    let uncached = new Float64Array(0)
    return {
      route(request, cluster) {
        const { ids } = cluster
        costs = columnFor(costs, cluster)
        uncached = columnFor(uncached, cluster)
        inFlight.reserve(costs.length)
        const matched = cluster.prefixMatch(request)
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          uncached[id] = Math.max(0, request.promptTokens - matched[id]!)
          costs[id] = ((inFlight.tokens[id]! + uncached[id]!) / prefill_tokens_per_sec) * 1000
        }
        cluster.notes?.terms('uncached_tokens', uncached)
        cluster.notes?.terms('under_way_tokens', inFlight.tokens)
        const chosen = leastOf(cluster, costs, ties)
        const isLate = ttft_slo_ms > 0 && chosen.kind === 'backend'
        return isLate && costs[chosen.id]! > ttft_slo_ms ? tooLate : chosen
      },
      onDispatched(request: RequestView, backend: BackendView) {
        inFlight.add(request.id, backend.id, uncached[backend.id]!)
      },
      onFirstToken(request: RequestView) {
        inFlight.release(request.id)
      },
      onFinished(request: RequestView) {
        inFlight.release(request.id)
      },
    }
  },
})
