import type { BackendView, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { isAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { Rotation } from '../pickers/rotation.js'
import { indexParameter } from '../prefix-index/prefix-belief.js'
import {
  autoTuneParameter,
  eppBelief,
  indexBlocksParameter,
  indexBlockTokensParameter,
} from './epp/index-parameters.js'

/**
 * Keeps to the backends that hold at least `affinity` of the prompt, counted in blocks where the index is approximate,
 * while the least of their expected waits, uncached tokens under way / `prefill_tokens_per_sec`, is at most
 * `max_penalty_ms` above that of the others.
 * Among those kept, the fewest uncached tokens under way including this request's, or the fewest requests.
 *
 * Source: prefix-cache-affinity-filter of llm-d/llm-d-router at ebab687. O(backends) and one prefix match.
 */
export const eppSticky: RouterDefinition = defineRouter({
  name: 'epp_sticky',
  description: 'Stays with backends that hold the prefix until they are saturated.',
  observes: ['own requests', 'kv cache contents'],
  rule: 'Only backends with the prefix compete, unless their expected wait exceeds the others by max_penalty_ms; then all do. The least loaded by own account wins.',
  terms: {
    cached_tokens: 'Leading prompt tokens that it is believed to hold.',
    wait_ms: 'Expected wait there.',
  },
  wins: 'Conversations grow long, and a cache hit is worth seconds of waiting.',
  loses: 'The prefill rate is set too high or low for the hardware.',
  source: 'llm-d/llm-d-router, pkg/epp/framework/plugins at ebab687',
  parameters: {
    affinity: { default: 0.8, min: 0, max: 1, description: 'Cached share that makes a holder.' },
    prefill_tokens_per_sec: {
      default: 15_928,
      min: 1,
      description: 'Prefill rate of one backend; the default is that of Qwen3-32B on two H100.',
    },
    max_penalty_ms: {
      default: 18_000,
      min: 0,
      description: 'Wait above the others from which holders no longer go first; 0 for never.',
    },
    load: {
      default: 'tokens',
      choices: ['tokens', 'requests'],
      description: 'What is least: uncached tokens or requests under way.',
    },
    index: indexParameter,
    index_block_tokens: indexBlockTokensParameter,
    index_blocks: indexBlocksParameter,
    auto_tune: autoTuneParameter,
    max_prefix_tokens: {
      default: 40_960,
      min: 1,
      integer: true,
      description: 'Leading tokens that an approximate index looks at.',
    },
    ties: {
      default: 'random',
      choices: ['random', 'first', 'rotate'],
      description: 'Which of equally good backends is chosen: any, the lowest id, or in turn.',
    },
  },
  presets: {
    llm_d_sticky: {
      description: 'The default since August 2026.',
      mirrors: 'llm-d-router at ebab687',
      parameters: { index: 'approximate', ties: 'rotate' },
    },
    llm_d_decode_bound: {
      description: 'For traffic bound by decoding: fewest requests among the holders.',
      mirrors: 'llm-d-router at ebab687',
      parameters: { index: 'approximate', load: 'requests', ties: 'rotate' },
    },
    llm_d_precise: {
      description: 'The sticky form with KV events, since July 2026.',
      mirrors: 'llm-d-router at ebab687',
      parameters: { index: 'exact', ties: 'rotate' },
    },
  },
  create: (parameters) => {
    const { affinity, prefill_tokens_per_sec, max_penalty_ms, load, ties } = parameters
    const belief = eppBelief({ ...parameters, partial_block: true, predictedMs: 0 })
    const inFlight = new InFlightTokens()
    const active = new InFlightTokens()
    const rotation = new Rotation()
    let costs = new Float64Array(0)
    let uncached = new Float64Array(0)
    return {
      route(request, cluster) {
        const { ids, notes } = cluster
        costs = columnFor(costs, cluster)
        uncached = columnFor(uncached, cluster)
        inFlight.reserve(costs.length)
        active.reserve(costs.length)
        const matched = belief.matched(request, cluster)
        const { promptTokens } = request
        // What an approximate index does not look at can not be held against a holder.
        const enough = affinity * belief.blocksOf(promptTokens)
        const { blockTokens } = belief
        let holders = 0
        let leastHolder = Number.POSITIVE_INFINITY
        let leastOther = Number.POSITIVE_INFINITY
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          uncached[id] = Math.max(0, promptTokens - matched[id]!)
          if (!isAvailable(cluster, id)) continue
          const waitMs = (inFlight.tokens[id]! / prefill_tokens_per_sec) * 1000
          if (Math.ceil(matched[id]! / blockTokens) >= enough) {
            holders++
            leastHolder = Math.min(leastHolder, waitMs)
          } else {
            leastOther = Math.min(leastOther, waitMs)
          }
        }
        const isSaturated = max_penalty_ms > 0 && leastHolder - leastOther > max_penalty_ms
        const keepsAll = holders === 0 || isSaturated
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          const isKept = keepsAll || Math.ceil(matched[id]! / blockTokens) >= enough
          const own =
            load === 'tokens' ? inFlight.tokens[id]! + uncached[id]! : active.requests[id]!
          costs[id] = isKept ? own : Number.POSITIVE_INFINITY
          if (notes === undefined) continue
          notes.term('cached_tokens', id, matched[id]!)
          notes.term('wait_ms', id, (inFlight.tokens[id]! / prefill_tokens_per_sec) * 1000)
        }
        notes?.branch(holders === 0 ? 'no holder' : isSaturated ? 'holders saturated' : 'holders')
        const chosen =
          ties === 'rotate' ? rotation.leastOf(cluster, costs) : leastOf(cluster, costs, ties)
        if (chosen.kind === 'backend') belief.sent(chosen.id, cluster.nowMs)
        return chosen
      },
      onDispatched(request: RequestView, backend: BackendView) {
        inFlight.add(request.id, backend.id, uncached[backend.id]!)
        active.add(request.id, backend.id, 0)
      },
      onFirstToken(request: RequestView) {
        inFlight.release(request.id)
      },
      onFinished(request: RequestView) {
        inFlight.release(request.id)
        active.release(request.id)
      },
      onRunsForgotten: (ids) => belief.forget(ids),
    }
  },
})
