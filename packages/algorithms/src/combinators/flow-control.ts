import type { RequestView } from '@routesim/core'
import { FairQueue, type FlowRequest } from '../queues/fair-queue.js'
import { queueDisciplines } from '../queues/request-queue.js'
import { type CombinatorDefinition, defineCombinator } from './combinator.js'
import { type HeldQueue, holdBack } from './hold-back.js'
import { saturationOf, withSaturation } from './saturation.js'

interface HeldRequest extends FlowRequest {
  readonly id: number
}

/**
 * Queues at the router, in bands by priority, fair among the flows of a band. Requests go one by one while
 * the fleet is not full; a band that is full sheds what comes.
 *
 * Source: llm-d/llm-d-router, pkg/epp at ebab687 (flow control).
 */
export const flowControl: CombinatorDefinition = defineCombinator({
  name: 'flow_control',
  description:
    'Queues requests at the router by priority, fairly among tenants, while the fleet is full.',
  observes: ['queue lengths', 'kv usage', 'own requests'],
  rule: 'While the fleet is not full by the rule saturation: the highest priority with requests; in it the flow whose turn it is; of that the request that order puts first. A request is rejected when its priority has max_requests or max_tokens waiting, or when it has waited for ttl_sec.',
  wins: 'Tenants or priorities compete for a fleet that is too small: the queue is where they can still be told apart.',
  loses: 'The fleet is never full, or full by a limit far below what backends can batch.',
  source: 'llm-d/llm-d-router, pkg/epp at ebab687',
  parameters: withSaturation({
    flow: {
      default: 'tenant',
      choices: ['tenant', 'user', 'session', 'adapter'],
      description: 'Whose requests are one flow; those that name none are one together.',
    },
    fairness: {
      default: 'round_robin',
      choices: ['round_robin', 'deficit_round_robin', 'none'],
      description:
        'Turns of one request, turns of quantum_tokens prompt tokens, or one queue for the whole band.',
    },
    quantum_tokens: {
      default: 1024,
      min: 1,
      description: 'Prompt tokens of a turn with deficit_round_robin.',
    },
    order: {
      default: 'fcfs',
      choices: ['fcfs', 'edf', 'sjf'],
      description:
        'Within a flow: first come first served, earliest deadline (of the first token, else of the request) first, or shortest prompt first.',
    },
    max_requests: {
      default: 0,
      min: 0,
      integer: true,
      description: 'Requests of one priority that wait at most; 0 for no limit.',
    },
    max_tokens: {
      default: 250_000_000,
      min: 0,
      description: 'Prompt tokens of one priority that wait at most; 0 for no limit.',
    },
    ttl_sec: {
      default: 60,
      min: 0,
      description: 'Time after which a waiting request is rejected; 0 for never.',
    },
    poll_ms: {
      default: 10,
      min: 0.001,
      description: 'Time between looks at the fleet, beside those when a request gets on.',
    },
  }),
  presets: {
    llm_d: {
      description:
        'As shipped: a band takes 1 GB of requests, which is 250 M tokens at four bytes a token.',
      mirrors: 'llm-d-router at ebab687, flow control with the utilization detector',
      parameters: { saturation: 'utilization', fairness: 'round_robin', order: 'fcfs' },
    },
    llm_d_concurrency: {
      description: 'The same with the concurrency detector, which needs no metrics.',
      mirrors: 'llm-d-router at ebab687, concurrency detector',
      parameters: { saturation: 'concurrency', request_limit: 100 },
    },
  },
  wrap(inner, parameters) {
    const { flow, fairness, quantum_tokens, order, max_requests, max_tokens } = parameters
    const waiting = new FairQueue<HeldRequest>(queueDisciplines[order], fairness, quantum_tokens)
    const held = new Map<number, HeldRequest>()
    const bands = new Map<number, { requests: number; tokens: number }>()
    /** A request waits no longer. */
    const leave = ({ id, priority, cost }: HeldRequest): void => {
      const band = bands.get(priority)!
      band.requests--
      band.tokens -= cost
      held.delete(id)
    }
    const queue: HeldQueue = {
      get length() {
        return waiting.length
      },
      push(request, nowMs) {
        const { id, priority, promptTokens } = request
        const band = bands.get(priority) ?? { requests: 0, tokens: 0 }
        const isFull =
          (max_requests > 0 && band.requests >= max_requests) ||
          (max_tokens > 0 && band.tokens + promptTokens > max_tokens)
        if (isFull) return 'flow_control_full'
        bands.set(priority, {
          requests: band.requests + 1,
          tokens: band.tokens + promptTokens,
        })
        const entry: HeldRequest = {
          id,
          priority,
          flow: request[flow] ?? '',
          cost: promptTokens,
          arrivalMs: nowMs,
          deadlineMs: deadlineOf(request),
          uncachedTokens: promptTokens,
        }
        held.set(id, entry)
        waiting.push(entry)
        return undefined
      },
      pop() {
        const entry = waiting.pop()
        if (entry !== undefined) leave(entry)
        return entry?.id
      },
      drop(id) {
        const entry = held.get(id)!
        waiting.remove(entry)
        leave(entry)
      },
    }
    return holdBack(inner, {
      name: 'flow_control',
      queue,
      pollMs: parameters.poll_ms,
      ttlMs: parameters.ttl_sec > 0 ? parameters.ttl_sec * 1000 : Number.POSITIVE_INFINITY,
      isFull: (cluster) => saturationOf(cluster, parameters) >= 1,
    })
  },
})

/** What a request asks for counts from its sending. */
function deadlineOf({ arrivalMs, ttftSloMs, deadlineMs }: RequestView): number {
  return arrivalMs + (ttftSloMs ?? deadlineMs ?? Number.POSITIVE_INFINITY)
}
