import type {
  AdapterState,
  BackendView,
  ClusterView,
  RequestView,
  RoutingAlgorithm,
} from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { InFlightTokens } from '../load/in-flight-tokens.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { Rotation } from '../pickers/rotation.js'
import { weightedOf } from '../pickers/weighted.js'
import { indexParameter } from '../prefix-index/prefix-belief.js'
import { ColdOrder } from './epp/cold-order.js'
import {
  autoTuneParameter,
  eppBelief,
  indexBlocksParameter,
  indexBlockTokensParameter,
} from './epp/index-parameters.js'

const LLM_D = 'llm-d-router at ebab687'

/**
 * max of the weighted sum of scores from 0 to 1, over the available backends: `queue` and `running`
 * (max - x) / (max - min), 1 when all are equal; `kv` 1 - usage; `prefix` the cached share of the prompt, or of the
 * blocks of it that an approximate index looks at;
 * `active` 1 for none of this router's requests, else (max - x) / max; `token_load` 1 - min(t, Q) / Q with
 * t the uncached tokens under way and of this request, Q = 4,194,304; `no_hit_lru` 0.5 when any backend has
 * a hit, else by how long ago a backend was given a cold prompt; `lora` 1 where the adapter is in use, 0.8
 * where there is room for one more beside those in use and waited for, 0.6 where it is waited for, else 0.
 *
 * Source: llm-d/llm-d-router, pkg/epp/framework/plugins at ebab687. O(backends) and one prefix match.
 */
export const eppScorers: RouterDefinition = defineRouter({
  name: 'epp_scorers',
  description: 'Sums weighted scores for queue, KV usage, cached prefix and more, as llm-d does.',
  observes: ['queue lengths', 'kv usage', 'kv cache contents', 'own requests', 'adapters'],
  rule: 'Each scorer gives 0 to 1; the highest weighted sum wins, or is drawn with chances in proportion.',
  terms: {
    queue: 'Weighted score of few waiting requests.',
    running: 'Of few running requests.',
    kv: 'Of free KV cache.',
    active: 'Of few requests of this router.',
    lora: 'Of having the adapter loaded, or a slot for it.',
    prefix: 'Of the cached share of the prompt.',
    token_load: 'Of few uncached tokens under way.',
    no_hit_lru: 'Of not having had a cold prompt for long.',
    chance: 'Chance of being drawn.',
  },
  wins: 'Prefixes are shared unevenly and one wants load and cache in one blend.',
  loses: 'Metrics are old and requests come in bursts, or weights do not fit the traffic.',
  source: 'llm-d/llm-d-router, pkg/epp/framework/plugins at ebab687',
  parameters: {
    queue_weight: { default: 2, min: 0, description: 'Weight of few waiting requests.' },
    kv_weight: { default: 2, min: 0, description: 'Weight of free KV cache.' },
    prefix_weight: { default: 3, min: 0, description: 'Weight of the cached share of the prompt.' },
    running_weight: { default: 0, min: 0, description: 'Weight of few running requests.' },
    active_weight: { default: 0, min: 0, description: 'Weight of few requests of this router.' },
    token_load_weight: {
      default: 0,
      min: 0,
      description: 'Weight of few uncached prompt tokens under way.',
    },
    no_hit_lru_weight: {
      default: 0,
      min: 0,
      description: 'Weight of spreading prompts that nobody has cached.',
    },
    lora_weight: {
      default: 0,
      min: 0,
      description: "Weight of having the request's LoRA adapter, or room for it.",
    },
    index: indexParameter,
    index_block_tokens: indexBlockTokensParameter,
    index_blocks: indexBlocksParameter,
    auto_tune: autoTuneParameter,
    partial_block: {
      default: true,
      description:
        'Whether the last, shorter block of a prompt counts in an approximate index, too: prompts share it that are equal to their end.',
    },
    max_prefix_tokens: {
      default: 131_072,
      min: 1,
      integer: true,
      description: 'Leading tokens that an approximate index looks at.',
    },
    speculative_sec: {
      default: 0,
      min: 0,
      description:
        'How long a backend is believed to hold what it was just sent, before events say so; 0 for not.',
    },
    picker: {
      default: 'max',
      choices: ['max', 'weighted_random'],
      description: 'Whether the highest score wins or chances follow scores.',
    },
    ties: {
      default: 'random',
      choices: ['random', 'first', 'rotate'],
      description: 'Which of equally good backends is chosen: any, the lowest id, or in turn.',
    },
  },
  presets: {
    epp_default: {
      description:
        'Without a config file: blocks of 64 tokens or, where they are larger, those of the KV cache; as many per backend as its KV cache has blocks, 31,250 where that is unknown.',
      mirrors: 'llm-d-router at ebab687, pkg/epp/config/loader/defaults.go',
      parameters: { index: 'approximate', ties: 'rotate' },
    },
    gaie_1_0: {
      description:
        'Weights 1, 1, 1; blocks of 64 characters, here 16 tokens, whole ones only. It looks at 256 of them and keeps 31,250 per backend.',
      mirrors: 'Gateway API Inference Extension v1.0.0',
      parameters: {
        queue_weight: 1,
        kv_weight: 1,
        prefix_weight: 1,
        index: 'approximate',
        index_block_tokens: 16,
        auto_tune: false,
        partial_block: false,
        max_prefix_tokens: 4096,
      },
    },
    llm_d_blend: {
      description: 'The optimized baseline until August 2026.',
      mirrors: LLM_D,
      parameters: { no_hit_lru_weight: 2, index: 'approximate' },
    },
    llm_d_precise: {
      description: 'Cached prefixes from KV events.',
      mirrors: LLM_D,
      parameters: { index: 'exact' },
    },
    llm_d_precise_guide: {
      description: 'As in the guide on precise prefix caching: 2, 1, 1.',
      mirrors: LLM_D,
      parameters: { prefix_weight: 2, kv_weight: 1, queue_weight: 1, index: 'exact' },
    },
    llm_d_precise_speculative: {
      description: 'The guide with speculative indexing, which is off unless set: entries of 2 s.',
      mirrors: LLM_D,
      parameters: {
        prefix_weight: 2,
        kv_weight: 1,
        queue_weight: 1,
        index: 'exact',
        speculative_sec: 2,
      },
    },
    llm_d_pd: {
      description: "Of each pool of a pair: prefix 2, queue 1; the decider is the cluster's.",
      mirrors: LLM_D,
      parameters: { prefix_weight: 2, queue_weight: 1, kv_weight: 0, index: 'approximate' },
    },
    llm_d_load_only: {
      description: 'Queue and KV usage alone.',
      mirrors: LLM_D,
      parameters: { prefix_weight: 0, kv_weight: 1, queue_weight: 1 },
    },
  },
  create: (weights) => {
    const belief = eppBelief({ ...weights, predictedMs: weights.speculative_sec * 1000 })
    const knowsPrefix =
      weights.prefix_weight + weights.token_load_weight + weights.no_hit_lru_weight > 0
    /** Whether what it has under way counts: else nobody has to tell it. */
    const countsOwn = weights.active_weight + weights.token_load_weight > 0
    const inFlight = new InFlightTokens()
    const active = new InFlightTokens()
    const cold = new ColdOrder()
    const rotation = new Rotation()
    let costs = new Float64Array(0)
    let uncached = new Float64Array(0)
    let isCold = false

    /** The most requests of this router that a backend has; 0 where they do not count. */
    function mostActive({ ids }: ClusterView): number {
      let most = 0
      if (weights.active_weight === 0) return most
      for (let i = 0; i < ids.length; i++) most = Math.max(most, active.requests[ids[i]!]!)
      return most
    }

    /**
     * Takes all weighted scores but that of cold prompts off the costs: one pass to see what is least and most, and one
     * over all terms of each backend.
     */
    function addScores(
      request: RequestView,
      cluster: ClusterView,
      matched: ArrayLike<number> | undefined,
    ): void {
      const { backends, columns, ids, notes } = cluster
      const { waiting, running, maxQueueDepth } = columns
      const { active_weight, kv_weight, lora_weight, prefix_weight } = weights
      const { queue_weight, running_weight, token_load_weight } = weights
      const size = ids.length
      // Whole numbers for whole numbers: V8 computes with them as such.
      let leastWaiting = MOST_INT
      let mostWaiting = -1
      let leastRunning = MOST_INT
      let mostRunning = -1
      for (let i = 0; i < size; i++) {
        const id = ids[i]!
        const queued = waiting[id]!
        if (queued >= maxQueueDepth[id]!) continue
        leastWaiting = Math.min(leastWaiting, queued)
        mostWaiting = Math.max(mostWaiting, queued)
        if (running_weight === 0) continue
        leastRunning = Math.min(leastRunning, running[id]!)
        mostRunning = Math.max(mostRunning, running[id]!)
      }
      const waitingRange = mostWaiting - leastWaiting
      const runningRange = mostRunning - leastRunning
      const most = mostActive(cluster)
      const usages = kv_weight > 0 ? cluster.kvUsages() : undefined
      const { promptTokens } = request
      // The share is of what is looked at: an approximate index sees no more of a prompt.
      const seen = Math.max(1, belief.blocksOf(promptTokens))
      const { blockTokens } = belief
      // Constants of this call: V8 looks at what a closure has anew for each.
      const out = costs
      let hits = 0
      for (let i = 0; i < size; i++) {
        const id = ids[i]!
        let cost = 0
        if (queue_weight > 0) {
          const few = waitingRange > 0 ? (mostWaiting - waiting[id]!) / waitingRange : 1
          cost -= queue_weight * few
          notes?.term('queue', id, queue_weight * few)
        }
        if (running_weight > 0) {
          const few = runningRange > 0 ? (mostRunning - running[id]!) / runningRange : 1
          cost -= running_weight * few
          notes?.term('running', id, running_weight * few)
        }
        if (usages !== undefined) {
          const free = Math.max(0, 1 - usages[id]!)
          cost -= kv_weight * free
          notes?.term('kv', id, kv_weight * free)
        }
        if (active_weight > 0) {
          const own = active.requests[id]!
          const few = own === 0 ? 1 : (most - own) / most
          cost -= active_weight * few
          notes?.term('active', id, active_weight * few)
        }
        if (lora_weight > 0) {
          const score = lora_weight * loraScore(request.adapter, backends[i]!.adapters)
          cost -= score
          notes?.term('lora', id, score)
        }
        if (matched !== undefined) {
          const cached = matched[id]!
          const share = Math.min(1, Math.ceil(cached / blockTokens) / seen)
          if (cached > 0) {
            hits++
            cost -= prefix_weight * share
          }
          notes?.term('prefix', id, prefix_weight * share)
          if (token_load_weight > 0) {
            uncached[id] = Math.max(0, promptTokens - cached)
            const load = Math.min(inFlight.tokens[id]! + uncached[id]!, TOKEN_QUEUE) / TOKEN_QUEUE
            cost -= token_load_weight * (1 - load)
            notes?.term('token_load', id, token_load_weight * (1 - load))
          }
        }
        out[id] = cost
      }
      isCold = matched !== undefined && hits === 0
    }

    const decides: Omit<RoutingAlgorithm, 'name'> = {
      route(request, cluster) {
        costs = columnFor(costs, cluster)
        if (countsOwn) {
          uncached = columnFor(uncached, cluster)
          inFlight.reserve(costs.length)
          active.reserve(costs.length)
        }
        addScores(request, cluster, knowsPrefix ? belief.matched(request, cluster) : undefined)
        if (weights.no_hit_lru_weight > 0) {
          cold.addScores(cluster, isCold, weights.no_hit_lru_weight, costs)
        }
        cluster.notes?.highest()
        const chosen =
          weights.picker === 'weighted_random'
            ? weightedOf(cluster, costs)
            : weights.ties === 'rotate'
              ? rotation.leastOf(cluster, costs)
              : leastOf(cluster, costs, weights.ties)
        if (chosen.kind === 'backend') {
          if (knowsPrefix) belief.sent(chosen.id, cluster.nowMs)
          if (isCold) cold.used(chosen.id)
        }
        return chosen
      },
      onRunsForgotten: (ids) => belief.forget(ids),
    }
    if (!countsOwn) return decides
    return {
      ...decides,
      onDispatched(request: RequestView, backend: BackendView) {
        active.add(request.id, backend.id, 0)
        if (weights.token_load_weight > 0) {
          inFlight.add(request.id, backend.id, uncached[backend.id]!)
        }
      },
      onFirstToken(request: RequestView) {
        inFlight.release(request.id)
      },
      onFinished(request: RequestView) {
        inFlight.release(request.id)
        active.release(request.id)
      },
    }
  },
})

/** More than any backend has of anything that is counted. */
const MOST_INT = 0x7fffffff
/** Uncached tokens from which a backend scores 0. */
const TOKEN_QUEUE = 4_194_304

/** llm-d's lora-affinity-scorer; what serves no adapters has room for none. */
function loraScore(adapter: string | undefined, state: AdapterState | undefined): number {
  if (state === undefined) return 0
  const { slots, running, waiting } = state
  if (adapter !== undefined && running.includes(adapter)) return 1
  if (running.length + waiting.length < slots) return 0.8
  return adapter !== undefined && waiting.includes(adapter) ? 0.6 : 0
}
