import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { boundedLoad, placeKey } from '../hashing/bounded-load.js'
import { hashInteger } from '../hashing/hash.js'
import { HashRing } from '../hashing/hash-ring.js'
import { PromptPath } from '../prompt/prompt-path.js'

/**
 * A hash of the prompt's first `prefix_tokens` tokens finds a point on a ring; clockwise from it, the first
 * available backend with at most max(f a, a + `load_margin`) requests is taken, f = `load_factor` and a =
 * (total + 1) / n. None such: the first available. A prompt that shares less than that has a key of its own.
 *
 * Source: kubeai-project/kubeai, internal/loadbalancer/balance_chwbl.go at f442a2c. O(log points + backends).
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
  },
  presets: {
    kubeai: {
      description:
        'PrefixHash: 100 characters of the first user message, here 25 tokens of the prompt.',
      mirrors: 'KubeAI at f442a2c',
      parameters: { prefix_tokens: 25, points: 256, load_factor: 1.25 },
    },
    sglang_prefix_hash: {
      description:
        'With the margin of 10; past the bound it takes the next on the ring, not the least.',
      mirrors: 'SMG at f8daa88 with pull request 2150, prefix_hash',
      parameters: { prefix_tokens: 256, points: 150, load_factor: 1.25, load_margin: 10 },
    },
  },
  create: ({ prefix_tokens, points, load_factor, load_margin }) => {
    const ring = new HashRing(points)
    const path = new PromptPath()
    const bound = { factor: load_factor, margin: load_margin }
    let ownKeys = 0
    return {
      route(request, cluster) {
        request.promptPath(path)
        ring.setMembers(cluster.ids)
        const run = path.idAt(Math.min(prefix_tokens, request.promptTokens))
        const key = run === -1 ? hashInteger(ownKeys++, 2) : hashInteger(run, 1)
        cluster.notes?.branch(
          run === -1 ? 'no shared beginning: a key of its own' : 'prompt prefix',
        )
        return placeKey(cluster, ring, key, boundedLoad(cluster, bound))
      },
    }
  },
})
