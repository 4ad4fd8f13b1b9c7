import { type RequestView, reject } from '@routesim/core'
import { type CombinatorDefinition, defineCombinator } from './combinator.js'
import { type HeldQueue, holdBack } from './hold-back.js'
import { hooksOf } from './hooks-of.js'
import { saturationOf, withSaturation } from './saturation.js'

/**
 * Lets a router decide only while the fleet is not full. Meanwhile requests wait first come first served, or
 * are shed: all of them, or those of a priority below 0.
 *
 * Sources: llm-d/llm-d-router, pkg/epp at ebab687 (saturation detectors, admission); ai-dynamo/dynamo,
 * lib/kv-router/src/scheduling (queue threshold).
 */
export const gate: CombinatorDefinition = defineCombinator({
  name: 'gate',
  description: 'Holds requests back, or sheds them, while the fleet is full.',
  observes: ['queue lengths', 'kv usage', 'own requests'],
  rule: 'While the fleet is full by the rule saturation, when_full says what becomes of a request: hold keeps it, first come first served, for at most ttl_sec; shed_negative rejects it if its priority is below 0; shed rejects it. Otherwise the router decides.',
  wins: 'Bursts: what waits at the router is placed by what is known later, and goes to whoever has room first.',
  loses: 'The limit is below what backends can batch, so that they idle while requests wait.',
  source: 'llm-d/llm-d-router, pkg/epp at ebab687; ai-dynamo/dynamo, lib/kv-router',
  parameters: withSaturation({
    when_full: {
      default: 'hold',
      choices: ['hold', 'shed_negative', 'shed'],
      description: 'What becomes of requests while the fleet is full.',
    },
    max_held: {
      default: 0,
      min: 0,
      integer: true,
      description: 'Requests that are held at most; 0 for no limit.',
    },
    ttl_sec: {
      default: 60,
      min: 0,
      description: 'Time after which a held request is rejected; 0 for never.',
    },
    poll_ms: {
      default: 10,
      min: 0.001,
      description: 'Time between looks at the fleet, beside those when a request gets on.',
    },
  }),
  presets: {
    llm_d: {
      description: 'Without flow control: only priorities below 0 are shed.',
      mirrors: 'llm-d-router at ebab687, utilization detector',
      parameters: { when_full: 'shed_negative', queue_limit: 5, kv_limit: 0.8, stale_ms: 200 },
    },
    dynamo: {
      description:
        'The queue of the KV router with the threshold 4, an older default; today there is none until one is set.',
      mirrors: 'Dynamo, --router-queue-threshold, flags at 021d6169; first come, first served',
      parameters: { saturation: 'prefill_backlog', backlog_factor: 4 },
    },
  },
  wrap(inner, parameters) {
    const { when_full, max_held, ttl_sec, poll_ms } = parameters
    const isFull = (cluster: Parameters<typeof saturationOf>[0]): boolean =>
      saturationOf(cluster, parameters) >= 1
    if (when_full !== 'hold') {
      const isShed = ({ priority }: RequestView): boolean => when_full === 'shed' || priority < 0
      return {
        ...hooksOf(inner),
        route(request, cluster) {
          if (!isShed(request) || !isFull(cluster)) return inner.route(request, cluster)
          cluster.notes?.branch('the fleet is full')
          return reject('saturated')
        },
      }
    }
    // In the order in which they came, as a Set keeps it.
    const line = new Set<number>()
    const queue: HeldQueue = {
      get length() {
        return line.size
      },
      push({ id }) {
        if (max_held > 0 && line.size >= max_held) return 'gate_full'
        line.add(id)
        return undefined
      },
      pop() {
        const id = line.values().next().value
        if (id !== undefined) line.delete(id)
        return id
      },
      drop: (id) => {
        line.delete(id)
      },
    }
    return holdBack(inner, {
      name: 'gate',
      queue,
      pollMs: poll_ms,
      ttlMs: ttl_sec > 0 ? ttl_sec * 1000 : Number.POSITIVE_INFINITY,
      isFull,
    })
  },
})
