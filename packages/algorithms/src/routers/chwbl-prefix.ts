import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { boundedLoad, boundedSlots, placeKey } from '../hashing/bounded-load.js'
import { hashInteger } from '../hashing/hash.js'
import { HashRing } from '../hashing/hash-ring.js'

/**
 * A hash of the prompt's first `prefix_tokens` tokens finds a point on a ring; clockwise from it, the first
 * available backend with at most max(f a, a + `load_margin`) requests is taken, f = `load_factor` and a =
 * (total + 1) / n. None such: the first available. A prompt that shares less than that has a key of its own; a shorter one has
 * that of the whole.
 *
 * With `max_requests` above 0 the bound is less than so many requests instead. With `whole_slots` it is f times total + 1,
 * divided among the available backends, rounded up and at least 1. With `overflow` least, a key whose first available
 * backend is above the bound goes to the fewest requests; with shuffled, to the first within the bound in an order that is
 * the key's own, and to the fewest requests when there is none.
 *
 * Source: kubeai-project/kubeai, internal/loadbalancer/balance_chwbl.go at f442a2c; of whole slots and the shuffled order,
 * Envoy, source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc at 0336fd6. O(log points + backends).
 */
export const chwblPrefix: RouterDefinition = defineRouter({
  name: 'chwbl_prefix',
  description: 'Hashes the start of the prompt to a backend whose load is within a bound.',
  observes: ['prompt content', 'queue lengths'],
  rule: 'Consistent hashing with bounded loads over the first tokens of the prompt.',
  terms: {
    order: 'Place in the order of the key, from 0; also the score.',
    requests: 'Requests on it.',
    limit: 'Most requests it may have.',
  },
  wins: 'Prompts fall into many groups by their start; routers need share nothing.',
  loses: 'Prompts that differ start alike, or one group is most of the traffic.',
  source: 'kubeai-project/kubeai, internal/loadbalancer/balance_chwbl.go at f442a2c',
  parameters: {
    prefix_tokens: {
      default: 25,
      min: 1,
      integer: true,
      description: 'Leading tokens that make the key.',
    },
    points: { default: 256, min: 1, integer: true, description: 'Points per backend on the ring.' },
    load_factor: { default: 1.25, min: 0, description: 'Bound as a multiple of the mean.' },
    load_margin: { default: 0, min: 0, description: 'Bound as requests above the mean.' },
    max_requests: {
      default: 0,
      min: 0,
      integer: true,
      description:
        'Requests from which a backend is above the bound, instead of the mean; 0 for the mean.',
    },
    whole_slots: {
      default: false,
      description:
        'Whether the bound is in whole requests, rounded up and at least 1, of the available backends.',
    },
    overflow: {
      default: 'next',
      choices: ['next', 'least', 'shuffled'],
      description:
        "Where a key goes past the bound: on along the ring, to the fewest requests, or on in a random order of the key's own.",
    },
  },
  presets: {
    kubeai: {
      description:
        'PrefixHash: 100 characters of the first user message, here 25 tokens of the whole prompt.',
      mirrors: 'KubeAI at f442a2c',
      parameters: { prefix_tokens: 25, points: 256, load_factor: 1.25 },
    },
    sglang_prefix_hash: {
      description: 'With the margin of 10; past the bound it takes the fewest requests.',
      mirrors: 'SMG at f8daa88 with pull request 2150, prefix_hash',
      parameters: {
        prefix_tokens: 256,
        points: 150,
        load_factor: 1.25,
        load_margin: 10,
        overflow: 'least',
      },
    },
    sglang_classic: {
      description: 'The same as it was before the margin.',
      mirrors: 'sgl-model-gateway, prefix_hash; commit not established',
      parameters: { prefix_tokens: 256, points: 150, load_factor: 1.25, overflow: 'least' },
    },
    envoy: {
      description:
        "The policy ring_hash with hash_balance_factor 150, a value of its documentation: it is off unless set. A backend is within the bound with ceil(ceil(1.5 (total + 1)) / n) requests, at least 1; past that the others are asked in a random order seeded by the key, and the fewest requests win when all are past it. That order is deterministic but not Envoy's. The ring has 1,024 entries at least, here 150 for each; what is hashed is set by each deployment.",
      mirrors:
        'Envoy at 0336fd6, source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc',
      parameters: { points: 150, load_factor: 1.5, whole_slots: true, overflow: 'shuffled' },
    },
    sagemaker: {
      description:
        'PREFIX_AWARE. Its two settings have no defaults: PrefixLength is at its least, 1,024 characters or 256 tokens, ConcurrencyThreshold (1 to 1,024) stands at 16; set max_requests to yours. Where it goes past that is said only to have more capacity.',
      mirrors: 'Amazon SageMaker, API reference',
      parameters: { prefix_tokens: 256, max_requests: 16, overflow: 'least' },
    },
  },
  create: (parameters) => {
    const { prefix_tokens, points, load_factor, load_margin } = parameters
    const { max_requests, whole_slots, overflow } = parameters
    const ring = new HashRing(points)
    const bound = { factor: load_factor, margin: load_margin }
    let ownKeys = 0
    return {
      route(request, cluster) {
        ring.setMembers(cluster.ids)
        const head = request.promptHead(prefix_tokens)
        const key = head === -1 ? hashInteger(ownKeys++, 2) : hashInteger(head, 1)
        cluster.notes?.branch(head === -1 ? 'unknown prompt: a key of its own' : 'prompt prefix')
        const limit =
          max_requests > 0
            ? max_requests - 1
            : whole_slots
              ? boundedSlots(cluster, load_factor)
              : boundedLoad(cluster, bound)
        return placeKey(cluster, ring, key, limit, overflow)
      },
    }
  },
})
