import type { BackendView, ClusterView, DecisionNotes, RequestView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { ActiveBlocks } from '../load/active-blocks.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { isAvailable } from '../pickers/available.js'
import { BlockSizes } from '../pickers/block-sizes.js'
import { columnFor } from '../pickers/column.js'
import { softmaxOf } from '../pickers/softmax.js'
import { tiesParameter } from '../pickers/ties.js'
import { indexParameter, PrefixBelief } from '../prefix-index/prefix-belief.js'

const SOURCE = 'ai-dynamo/dynamo, lib/kv-router/src/scheduling/selector/default.rs at 07a6c9ce'

/** The figures of one backend that {@link dynamoCost} weighs, in KV blocks. */
export interface DynamoLoad {
  /** Prompt tokens to compute there, this request's whole prompt included, in blocks. */
  readonly prefillBlocks: number
  /** Blocks of this request that it holds, times their credit. */
  readonly creditBlocks: number
  /** Distinct blocks under way there once this request is. */
  readonly decodeBlocks: number
  /** Requests under way there. */
  readonly requests: number
}

/**
 * Cost of a backend, s max(0, P - C) + D + r R: prefill blocks P less credit C, decode blocks D, requests R.
 * The lowest wins.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/scheduling/selector/default.rs at 07a6c9ce.
 *
 * @param prefillScale - s
 * @param requestWeight - r
 * @example
 * dynamoCost({ prefillBlocks: 8, creditBlocks: 0, decodeBlocks: 10, requests: 3 }, 1, 0) // => 18
 */
export function dynamoCost(load: DynamoLoad, prefillScale: number, requestWeight: number): number {
  const prefill = Math.max(0, load.prefillBlocks - load.creditBlocks)
  return prefillScale * prefill + load.decodeBlocks + requestWeight * load.requests
}

/**
 * min of {@link dynamoCost}, or a softmax draw over it. P is the uncached prompt tokens of this router's
 * requests without a first token, plus this prompt; C = `overlap_score_credit` times the decay times the
 * cached blocks; D counts blocks shared by requests under way once.
 * The decay is 1 / (1 + `credit_decay` b), b the backlog above the least, in this prompt's blocks.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/scheduling/selector/default.rs at 07a6c9ce. O(backends) and
 * one prefix match.
 */
export const dynamoKv: RouterDefinition = defineRouter({
  name: 'dynamo_kv',
  description:
    'Sends to the backend with the least prefill and decode work in KV blocks, cached ones credited.',
  observes: ['own requests', 'kv cache contents'],
  rule: 'Cost = prefill_load_scale x max(0, backlog + prompt - credited cached blocks) + distinct blocks under way + decode_active_request_weight x requests under way. Lowest wins, or a softmax draw at a temperature above 0. Its queue is the combinator gate@dynamo, its replica sync [visibility] router_sync_ms; tiers below the GPU, soft taints and busy thresholds are not mirrored.',
  terms: {
    prefill_blocks: 'Prompt blocks to compute there, this prompt included.',
    credit_blocks: 'Cached blocks of this prompt, times their credit.',
    decode_blocks: 'Distinct blocks under way there once this request is.',
    requests: 'Requests of this router under way.',
    chance: 'Chance of being drawn.',
  },
  wins: 'Prompts share long prefixes and prefill is the bottleneck.',
  loses: 'Load is uniform and nothing is shared, or a high temperature throws the knowledge away.',
  source: SOURCE,
  parameters: {
    overlap_score_credit: { default: 1, min: 0, description: 'Credit of a cached block.' },
    prefill_load_scale: { default: 1, min: 0, description: 'Weight of prefill against decode.' },
    credit_decay: {
      default: 0,
      min: 0,
      description: 'How fast credit fades on backends with a backlog.',
    },
    decode_active_request_weight: {
      default: 0,
      min: 0,
      description: 'Cost in blocks of a request under way.',
    },
    temperature: { default: 0, min: 0, description: 'Of the softmax; 0 takes the cheapest.' },
    track_prefill_tokens: { default: true, description: 'Whether the prefill term counts.' },
    track_active_blocks: { default: true, description: 'Whether the decode term counts.' },
    assume_kv_reuse: {
      default: true,
      description: 'Whether blocks shared by requests under way count once.',
    },
    index: indexParameter,
    approximate_cache_policy: {
      default: 'ttl',
      choices: ['ttl', 'lru'],
      description:
        "What an approximate index forgets: what was not used for ttl_sec, or what was used least recently beyond the KV cache's size, where it is known.",
    },
    ttl_sec: { default: 120, min: 0, description: 'Life of an entry of the approximate index.' },
    predicted_ttl_sec: {
      default: 0,
      min: 0,
      description:
        'How long a backend is believed to hold what it was just sent, before events say so; 0 for not.',
    },
    ties: tiesParameter,
  },
  presets: {
    current: {
      description: 'The defaults of the KV router with events.',
      mirrors: 'Dynamo, main at 07a6c9ce (selector) and 021d6169 (flags)',
      parameters: { ties: 'random' },
    },
    classic: {
      description:
        'Prefill blocks after overlap, plus decode blocks: the cost of the older guides.',
      mirrors:
        'Dynamo, docs/router/kv_cache_routing.md; the version that shipped it last is not established',
      parameters: { overlap_score_credit: 1, prefill_load_scale: 1, credit_decay: 0 },
    },
    load_aware: {
      description: 'No cache credit and no assumption of reuse.',
      mirrors: 'Dynamo, --load-aware, flags at 021d6169',
      parameters: { overlap_score_credit: 0, assume_kv_reuse: false },
    },
    approximate: {
      description: 'Without KV events: entries are whole KV blocks and live for 120 s.',
      mirrors: 'Dynamo, --no-router-kv-events, lib/kv-router/src/approx.rs at b072cdb2',
      parameters: { index: 'approximate' },
    },
    approximate_lru: {
      description: "Without KV events, bounded by each backend's KV blocks where they are known.",
      mirrors: 'Dynamo, --router-approximate-cache-policy lru, pull request 13701',
      parameters: { index: 'approximate', approximate_cache_policy: 'lru' },
    },
    predict_on_route: {
      description:
        'With events, and for 2 s with what was sent: off unless set, 2 to 5 s are advised.',
      mirrors: 'Dynamo, --router-predicted-ttl-secs, pull request 8276',
      parameters: { predicted_ttl_sec: 2 },
    },
    prefill_stage: {
      description: 'How the router of a pair chooses where to prefill: no decode term.',
      mirrors: 'Dynamo, disaggregated serving, lib/kv-router at 48bbf30c',
      parameters: { track_active_blocks: false },
    },
    decode_stage: {
      description: 'How the router of a pair chooses where to decode: decode load alone.',
      mirrors: 'Dynamo, disaggregated serving, lib/kv-router at 48bbf30c',
      parameters: { overlap_score_credit: 0, assume_kv_reuse: false, track_prefill_tokens: false },
    },
    tuned: {
      description: 'The best of a published sweep, in which larger scales changed nothing more.',
      mirrors: 'Dynamo, router knob sweep for MiniMax-M2.5 on B200 (simulated)',
      parameters: { prefill_load_scale: 32 },
    },
  },
  create: (parameters) => {
    const { overlap_score_credit, prefill_load_scale, credit_decay, temperature, ties } = parameters
    const { decode_active_request_weight, track_prefill_tokens, track_active_blocks } = parameters
    const isLru = parameters.approximate_cache_policy === 'lru'
    const belief = new PrefixBelief(parameters.index, {
      blockTokens: 1,
      followsKvBlocks: true,
      capacityBlocks: Number.POSITIVE_INFINITY,
      ttlMs: isLru ? Number.POSITIVE_INFINITY : parameters.ttl_sec * 1000,
      fitsKvCache: isLru,
      predictedMs: parameters.predicted_ttl_sec * 1000,
      maxTokens: Number.POSITIVE_INFINITY,
      countsAfterGaps: false,
    })
    const prefill = new InFlightTokens()
    const active = new ActiveBlocks(parameters.assume_kv_reuse)
    const blockSizes = new BlockSizes()
    let costs = new Float64Array(0)
    let activeTokens = new Float64Array(0)
    /** Leading tokens that each backend holds of the prompt that was routed last. */
    let cached: ArrayLike<number> = []

    function leastBacklog(cluster: ClusterView): number {
      let least = Number.POSITIVE_INFINITY
      for (let i = 0; i < cluster.ids.length; i++) {
        const id = cluster.ids[i]!
        if (prefill.tokens[id]! < least && isAvailable(cluster, id)) least = prefill.tokens[id]!
      }
      return least
    }

    const isDecaying = credit_decay > 0 && track_prefill_tokens
    const decayOf = (backlogBlocks: number, promptBlocks: number): number =>
      1 / (1 + (credit_decay * backlogBlocks) / promptBlocks)

    /** What the costs are made of, for those who ask. */
    function note(
      cluster: ClusterView,
      notes: DecisionNotes,
      promptTokens: number,
      matched: ArrayLike<number>,
      least: number,
    ): void {
      const { ids } = cluster
      const blockSize = blockSizes.of(cluster)
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i]!
        const blockTokens = blockSize[id]!
        const blocks = Math.ceil(promptTokens / blockTokens)
        const backlog = prefill.tokens[id]!
        const tokens = matched[id]!
        const shared = activeTokens[id]! / blockTokens
        const prefillBlocks = track_prefill_tokens ? (backlog + promptTokens) / blockTokens : 0
        const decay = isDecaying ? decayOf((backlog - least) / blockTokens, blocks) : 1
        const creditBlocks = tokens > 0 ? overlap_score_credit * decay * (tokens / blockTokens) : 0
        notes.term('prefill_blocks', id, prefillBlocks)
        notes.term('credit_blocks', id, creditBlocks)
        notes.term(
          'decode_blocks',
          id,
          track_active_blocks ? active.blocks[id]! + blocks - shared : 0,
        )
        notes.term('requests', id, active.requests[id]!)
      }
    }

    return {
      route(request, cluster) {
        const { ids, notes } = cluster
        costs = columnFor(costs, cluster)
        activeTokens = columnFor(activeTokens, cluster)
        prefill.reserve(costs.length)
        active.reserve(costs.length)
        const matched = belief.matched(request, cluster)
        cached = matched
        active.match(request, activeTokens)
        const least = credit_decay > 0 ? leastBacklog(cluster) : 0
        const { promptTokens } = request
        // Columns as constants of this call: V8 looks at those of the closure anew for every backend.
        const [column, underWay] = [costs, activeTokens]
        const blockSize = blockSizes.of(cluster)
        const { tokens: backlogs } = prefill
        const { requests, blocks: activeBlocks } = active
        const size = ids.length
        let blockTokens = 0
        let perToken = 0
        let blocks = 0
        for (let i = 0; i < size; i++) {
          const id = ids[i]!
          if (blockSize[id] !== blockTokens) {
            blockTokens = blockSize[id]!
            perToken = exactReciprocal(blockTokens)
            blocks = Math.ceil(promptTokens / blockTokens)
          }
          const backlog = backlogs[id]!
          const overlap = matched[id]!
          let cost = track_prefill_tokens
            ? inBlocks(backlog + promptTokens, blockTokens, perToken)
            : 0
          if (overlap > 0) {
            const decay = isDecaying ? decayOf((backlog - least) / blockTokens, blocks) : 1
            cost -= overlap_score_credit * decay * inBlocks(overlap, blockTokens, perToken)
          }
          // As dynamoCost has it, without an object per backend.
          cost = prefill_load_scale * Math.max(0, cost)
          if (track_active_blocks) {
            cost += activeBlocks[id]! + blocks - inBlocks(underWay[id]!, blockTokens, perToken)
          }
          column[id] = cost + decode_active_request_weight * requests[id]!
        }
        if (notes !== undefined) note(cluster, notes, promptTokens, matched, least)
        const chosen = softmaxOf(cluster, costs, temperature, ties)
        if (chosen.kind === 'backend') belief.sent(chosen.id, cluster.nowMs)
        return chosen
      },
      onDispatched(request: RequestView, backend: BackendView) {
        const { promptTokens } = request
        prefill.add(request.id, backend.id, Math.max(0, promptTokens - cached[backend.id]!))
        active.add(request, backend.id, backend.blockTokens)
      },
      onFirstToken(request: RequestView) {
        prefill.release(request.id)
      },
      onFinished(request: RequestView) {
        prefill.release(request.id)
        active.remove(request)
      },
      onRunsForgotten: (ids) => belief.forget(ids),
    }
  },
})

/** 1 / n where that divides as exactly as n does, for powers of two; 0 for others. */
function exactReciprocal(n: number): number {
  return (n & (n - 1)) === 0 ? 1 / n : 0
}

/** Tokens / blockTokens, to the last bit, by the {@link exactReciprocal} where there is one: several times as fast. */
function inBlocks(tokens: number, blockTokens: number, perToken: number): number {
  return perToken > 0 ? tokens * perToken : tokens / blockTokens
}
