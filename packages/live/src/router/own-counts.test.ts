// Without metrics of its workers a router sees its own requests alone, and without their KV events what it sent, live as
// simulated: where requests come, answer and end in the same order, it decides the same.
import { findRouter, parseRouterSpec } from '@routesim/algorithms'
import {
  NO_NODE,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  type RoutingAlgorithm,
  simulate,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { afterEach, expect, test } from 'vitest'
import { LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { visibilityOf } from '../twin/visibility-of.js'
import { promptHashes } from './live-request.js'
import type { Ticket } from './ticket.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const WORKERS = 4
const REQUESTS = 400
const SEED = 7
const BLOCK_TOKENS = TEST_SPEC.kv.blockTokens
const GROUPS = 5

/** What came of which request, in order. */
type Event = readonly [kind: 'route' | 'first token' | 'end', request: number]

interface Traffic {
  readonly requests: RequestTable
  /** By request. */
  readonly prompts: readonly Uint32Array[]
}

/** Prompts that begin as others of their group do; some have nothing else, and some of these are whole blocks. */
function traffic(): Traffic {
  const random = new RandomStream(SEED, 'traffic')
  const builder = new RequestTableBuilder()
  const prompts: Uint32Array[] = []
  let arrivalMs = 0
  for (let i = 0; i < REQUESTS; i++) {
    arrivalMs += random.float() * 12
    const [promptTokens, outputTokens] = [200 + random.integer(1500), 1 + random.integer(60)]
    const maxTokens = random.integer(2) * 100
    const group = random.integer(GROUPS)
    const ends = [promptTokens, promptTokens - (promptTokens % BLOCK_TOKENS), 150, 0]
    const shared = ends[random.integer(4)]!
    const length = shared > 150 ? shared : promptTokens
    const promptNode = builder.prompts.stream(NO_NODE, group, shared)
    builder.add({ arrivalMs, promptTokens: length, outputTokens, maxTokens, promptNode })
    const token = (at: number) => (at < shared ? group : GROUPS + i) * 4096 + at
    prompts.push(Uint32Array.from({ length }, (_, at) => token(at)))
  }
  return { requests: builder.build(), prompts }
}

/** A run of the simulator: what it decided, and in which order all happened. */
function simulated(spec: string, kvIndex: 'approximate' | 'none', { requests }: Traffic) {
  const { name, parameters } = parseRouterSpec(spec)
  const inner = findRouter(name).create(parameters)
  const events: Event[] = []
  const chosen: number[] = []
  const waiting: number[][] = []
  const matched: number[][] = []
  const router: RoutingAlgorithm = {
    ...inner,
    route(request, cluster) {
      events.push(['route', request.id])
      waiting.push(Array.from(cluster.columns.waiting))
      matched.push(Array.from(cluster.prefixMatch(request)))
      return inner.route(request, cluster)
    },
    onDispatched(request, backend, cluster, decode) {
      chosen[request.id] = backend.id
      inner.onDispatched?.(request, backend, cluster, decode)
    },
    onFirstToken(request, backend, cluster) {
      events.push(['first token', request.id])
      inner.onFirstToken?.(request, backend, cluster)
    },
    onFinished(request, backend, cluster, usage) {
      events.push(['end', request.id])
      inner.onFinished?.(request, backend, cluster, usage)
    },
  }
  const backends = Array.from({ length: WORKERS }, () => TEST_SPEC)
  const visibility = visibilityOf({ kvIndex, metricsIntervalMs: 0 })
  simulate({
    cluster: { backends, kvCache: radixKvCache() },
    requests,
    router,
    visibility,
    seed: SEED,
  })
  return { events, chosen, waiting, matched }
}

test.each([
  ['epp_scorers:running_weight=1', 'none'],
  ['power_of_two:load=polled', 'none'],
  ['power_of_two', 'none'],
  ['vllm_data_parallel', 'none'],
  ['least_kv', 'none'],
  ['lmetric', 'approximate'],
  ['epp_scorers', 'approximate'],
  ['epp_scorers:running_weight=1', 'approximate'],
] as const)('%s with kv_index %s', async (spec, kvIndex) => {
  const sent = traffic()
  const { requests, prompts } = sent
  const { events, chosen, waiting, matched } = simulated(spec, kvIndex, sent)
  const { maxNumSeqs, maxBatchTokens, maxQueueDepth, kv } = TEST_SPEC
  const { workers } = await fleet.workers(WORKERS)
  const { core } = await fleet.router([], {
    workers: workers.map(({ url }) => ({
      url,
      max_num_seqs: maxNumSeqs,
      max_batch_tokens: maxBatchTokens,
      max_queue_depth: maxQueueDepth,
      kv_tokens: kv.blocks * kv.blockTokens,
    })),
    algorithm: spec,
    seed: SEED,
    kv_index: kvIndex,
    block_tokens: BLOCK_TOKENS,
    metrics_interval_ms: 0,
  })
  const tickets: Ticket[] = []
  const live: number[] = []
  const seen: number[][] = []
  const found: number[][] = []
  for (const [kind, row] of events) {
    if (kind === 'first token') core.firstToken(tickets[row]!)
    else if (kind === 'end') core.end(tickets[row]!)
    else {
      const promptTokens = requests.promptTokens[row]!
      const none = { session: undefined, user: undefined, tenant: undefined, adapter: undefined }
      const facts = { ...none, model: undefined, priority: 0, isStreamed: true }
      const maxTokens = requests.maxTokens[row]!
      tickets[row] = core.begin(
        { ...facts, promptTokens, maxTokens },
        promptHashes(prompts[row]!, BLOCK_TOKENS, {}),
      )
      seen.push(core.backends.map((backend) => backend.waiting))
      const inCaches = new Float64Array(WORKERS)
      core.knowledge.match(tickets[row]!.request, 0, inCaches)
      found.push([...inCaches])
      const route = core.route(tickets[row]!)
      live[row] = route.kind === 'send' ? route.prefill.id : -1
    }
  }
  expect(found).toEqual(matched)
  expect(seen).toEqual(waiting)
  expect(live).toEqual(chosen)
  // Queues that are empty, or alike, would say nothing.
  expect(waiting.filter((row) => new Set(row).size > 1).length).toBeGreaterThan(REQUESTS / 2)
  expect(matched.filter((row) => new Set(row).size > 1).length > REQUESTS / 4).toBe(
    kvIndex === 'approximate',
  )
})
