// Without metrics of its workers a router sees its own requests alone, live as simulated: where requests come, answer
// and end in the same order, it decides the same.
import { findRouter, parseRouterSpec } from '@routesim/algorithms'
import { RandomStream, RequestTableBuilder, type RoutingAlgorithm, simulate } from '@routesim/core'
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

/** What came of which request, in order. */
type Event = readonly [kind: 'route' | 'first token' | 'end', request: number]

function traffic() {
  const random = new RandomStream(SEED, 'traffic')
  const builder = new RequestTableBuilder()
  let arrivalMs = 0
  for (let i = 0; i < REQUESTS; i++) {
    arrivalMs += random.float() * 12
    const [promptTokens, outputTokens] = [200 + random.integer(1500), 1 + random.integer(60)]
    const maxTokens = random.integer(2) * 100
    builder.add({ arrivalMs, promptTokens, outputTokens, maxTokens })
  }
  return builder.build()
}

/** A run of the simulator: what it decided, and in which order all happened. */
function simulated(spec: string) {
  const { name, parameters } = parseRouterSpec(spec)
  const inner = findRouter(name).create(parameters)
  const events: Event[] = []
  const chosen: number[] = []
  const waiting: number[][] = []
  const router: RoutingAlgorithm = {
    ...inner,
    route(request, cluster) {
      events.push(['route', request.id])
      waiting.push(Array.from(cluster.columns.waiting))
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
  const visibility = visibilityOf({ kvIndex: 'none', metricsIntervalMs: 0 })
  const requests = traffic()
  simulate({
    cluster: { backends, kvCache: radixKvCache() },
    requests,
    router,
    visibility,
    seed: SEED,
  })
  return { requests, events, chosen, waiting }
}

test.each([
  'epp_scorers:running_weight=1',
  'power_of_two:load=polled',
  'power_of_two',
  'vllm_data_parallel',
  'least_kv',
])('%s', async (spec) => {
  const { requests, events, chosen, waiting } = simulated(spec)
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
    kv_index: 'none',
    block_tokens: BLOCK_TOKENS,
    metrics_interval_ms: 0,
  })
  const tickets: Ticket[] = []
  const live: number[] = []
  const seen: number[][] = []
  for (const [kind, row] of events) {
    if (kind === 'first token') core.firstToken(tickets[row]!)
    else if (kind === 'end') core.end(tickets[row]!)
    else {
      const promptTokens = requests.promptTokens[row]!
      const tokens = Uint32Array.from({ length: promptTokens }, (_, i) => row * 4096 + i)
      const none = { session: undefined, user: undefined, tenant: undefined, adapter: undefined }
      const facts = { ...none, model: undefined, priority: 0, isStreamed: true }
      const maxTokens = requests.maxTokens[row]!
      tickets[row] = core.begin(
        { ...facts, promptTokens, maxTokens },
        promptHashes(tokens, BLOCK_TOKENS, {}),
      )
      seen.push(core.backends.map((backend) => backend.waiting))
      const route = core.route(tickets[row]!)
      live[row] = route.kind === 'send' ? route.prefill.id : -1
    }
  }
  expect(live).toEqual(chosen)
  expect(seen).toEqual(waiting)
  // Queues that are empty, or alike, would say nothing.
  expect(waiting.filter((row) => new Set(row).size > 1).length).toBeGreaterThan(REQUESTS / 2)
})
