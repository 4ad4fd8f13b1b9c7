import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { SlidingWindow } from '../load/sliding-window.js'
import { anyAvailable, countAvailable, isAvailable } from '../pickers/available.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'

/**
 * min of `fairness_weight` |i - u| + `load_weight` min(r / `request_scale`, 1) + U(0, `jitter`) over the available
 * backends, i counted from 0 in order of id, r the running requests it reports: u = min(T / max(`min_bucket_tokens`, (least + most) / 2), n - 1) with T the
 * user's tokens of the last `window_sec`, least and most those of all users in it. A request counts as
 * `input_weight` p + `output_weight` x `output_guess` p from when it is sent, p its prompt tokens.
 *
 * So users with much traffic are drawn to the last backends, and those with little to the first.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/algorithms/vtc/vtc_basic.go at e3e10f9; after Sheng et al.,
 * "Fairness in serving large language models", OSDI 2024. O(backends + users of the window).
 */
export const aibrixVtc: RouterDefinition = defineRouter({
  name: 'aibrix_vtc',
  description: 'Spreads users over the backends by how many tokens each has had lately.',
  observes: ['queue lengths', 'session', 'time'],
  rule: "Lowest fairness_weight x |place of the backend - the user's tokens in units of the fleet's middle| + load_weight x its requests / request_scale + a little chance. Requests that name no user go anywhere.",
  terms: {
    distance: "Weighted distance of its place from where the user's tokens draw the request.",
    load: 'Weighted load: its running requests / request_scale, at most 1.',
    chance: 'The random addition.',
  },
  wins: 'A few users send most of the tokens, and the others are to keep away from them.',
  loses:
    'One user, or users alike: those with equal tokens share the same few backends, while the others idle.',
  source: 'vllm-project/aibrix, pkg/plugins/gateway/algorithms/vtc/vtc_basic.go at e3e10f9',
  parameters: {
    window_sec: { default: 300, min: 0.001, description: 'How long tokens count.' },
    input_weight: { default: 1, min: 0, description: 'Weight of a prompt token.' },
    output_weight: { default: 2, min: 0, description: 'Weight of an output token.' },
    output_guess: {
      default: 1.5,
      min: 0,
      description: 'Output tokens that are assumed for a prompt token.',
    },
    min_bucket_tokens: {
      default: 1000,
      min: 1,
      description: 'Least tokens that are worth one backend.',
    },
    fairness_weight: { default: 1, min: 0, description: 'Weight of the distance in the score.' },
    load_weight: { default: 1, min: 0, description: 'Weight of the load in the score.' },
    request_scale: { default: 100, min: 1, description: 'Requests of a full backend.' },
    jitter: { default: 0.1, min: 0, description: 'Largest random addition to a score.' },
  },
  presets: {
    vtc_basic: {
      description: 'As shipped, which counts four characters as a token.',
      mirrors: 'AIBrix at e3e10f9, vtc-basic',
      parameters: { window_sec: 300, output_weight: 2, min_bucket_tokens: 1000 },
    },
  },
  create: (parameters) => {
    const { window_sec, min_bucket_tokens, request_scale, jitter } = parameters
    const { input_weight, output_weight, output_guess } = parameters
    const users = new Map<string, SlidingWindow>()
    let costs = new Float64Array(0)
    return {
      route({ user }, cluster) {
        const { columns, ids, nowMs, random, notes } = cluster
        if (user === undefined) {
          notes?.branch('no user: anywhere')
          return anyAvailable(cluster)
        }
        let own = 0
        let least = Number.POSITIVE_INFINITY
        let most = 0
        for (const [name, window] of users) {
          const tokens = window.sum(nowMs)
          if (name === user) own = tokens
          if (window.count(nowMs) === 0) users.delete(name)
          else {
            least = Math.min(least, tokens)
            most = Math.max(most, tokens)
          }
        }
        const middle = most === 0 ? 0 : (least + most) / 2
        const last = countAvailable(cluster) - 1
        const wanted = Math.min(own / Math.max(min_bucket_tokens, middle), last)
        costs = columnFor(costs, cluster)
        let place = 0
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          costs[id] = Number.POSITIVE_INFINITY
          if (!isAvailable(cluster, id)) continue
          const distance = parameters.fairness_weight * Math.abs(place++ - wanted)
          const load = parameters.load_weight * Math.min(columns.running[id]! / request_scale, 1)
          const chance = jitter > 0 ? jitter * random.float() : 0
          costs[id] = distance + load + chance
          if (notes === undefined) continue
          notes.term('distance', id, distance)
          notes.term('load', id, load)
          notes.term('chance', id, chance)
        }
        return leastOf(cluster, costs, 'first')
      },
      onDispatched({ user, promptTokens }, _backend, { nowMs }) {
        if (user === undefined) return
        let window = users.get(user)
        if (window === undefined) {
          window = new SlidingWindow(window_sec * 1000)
          users.set(user, window)
        }
        window.add(nowMs, promptTokens * (input_weight + output_weight * output_guess))
      },
      customMetrics: () => ({ vtc_users: users.size }),
    }
  },
})
