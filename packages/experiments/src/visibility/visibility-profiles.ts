import type { DeliveredKvEvents, PolledMetrics } from '@routesim/core'

/** What the routers of a stack see, unless a scenario says otherwise. */
export interface VisibilityProfile {
  readonly name: string
  /** Which routers see so. */
  readonly description: string
  /** Where the figures are from, and what is not published. */
  readonly source: string
  readonly metrics: 'live' | 'none' | PolledMetrics
  readonly prefixes: 'live' | 'none' | DeliveredKvEvents
}

const polled = (intervalMs: number): PolledMetrics => ({
  intervalMs,
  delayMs: 0,
  dropProbability: 0,
})

/** Asynchronous, and without a published delay: none here, so that whoever measures one can set it. */
const kvEvents: DeliveredKvEvents = {
  delayMs: 0,
  lossProbability: 0,
  startsEmpty: false,
  clearsOnRestart: true,
}

const NO_DELAY = 'No delay of metrics or events is published: 0.'

/** Figures of shipped defaults; one router each, which decides at once and counts tokens exactly. */
export const VISIBILITY_PROFILES: readonly VisibilityProfile[] = Object.freeze([
  {
    name: 'exact',
    description: 'Everything, at once: what no router in production has.',
    source: 'The simulated truth.',
    metrics: 'live',
    prefixes: 'live',
  },
  {
    name: 'local-only',
    description: 'Its own requests and nothing else: Envoy, KubeAI, session hashing.',
    source:
      'kubeai-project/kubeai at f442a2c, internal/loadbalancer; Envoy documentation, load balancers. Both count the requests that they have under way, and ask backends for nothing.',
    metrics: 'none',
    prefixes: 'none',
  },
  {
    name: 'llm-d',
    description: 'Metrics every 50 ms and KV events: llm-d, the Gateway API inference extension.',
    source: `llm-d/llm-d-router at ebab687. ${NO_DELAY}`,
    metrics: polled(50),
    prefixes: kvEvents,
  },
  {
    name: 'aibrix',
    description: 'Metrics every 50 ms; prefixes by its own index.',
    source: `vllm-project/aibrix at e3e10f9. ${NO_DELAY}`,
    metrics: polled(50),
    prefixes: 'none',
  },
  {
    name: 'sglang',
    description: 'Loads every 10 s; prefixes by its own tree: the SGLang gateway, SMG.',
    source: `smg-project/smg at f8daa88, sgl-project/sglang, sgl-model-gateway. ${NO_DELAY}`,
    metrics: polled(10_000),
    prefixes: 'none',
  },
  {
    name: 'production-stack',
    description: 'Metrics every 30 s; prefixes by its own trie: the vLLM production stack.',
    source: `vllm-project/production-stack at a6c01db. ${NO_DELAY}`,
    metrics: polled(30_000),
    prefixes: 'none',
  },
  {
    name: 'vllm-router',
    description: 'Loads every 30 s; prefixes by its own tree: the vLLM router.',
    source: `vllm-project/router, worker-startup-check-interval; commit not established. ${NO_DELAY}`,
    metrics: polled(30_000),
    prefixes: 'none',
  },
  {
    name: 'vllm-data-parallel',
    description: 'Queue lengths of ranks every 100 ms: the balancer inside vLLM.',
    source: `vllm-project/vllm, vllm/v1/engine/core_client.py; commit not established. ${NO_DELAY}`,
    metrics: polled(100),
    prefixes: 'none',
  },
  {
    name: 'llumnix',
    description: 'Status every 50 ms, and KV metadata.',
    source: `llumnix-project/llumnix at 8a693b4. ${NO_DELAY}`,
    metrics: polled(50),
    prefixes: kvEvents,
  },
  {
    name: 'skywalker',
    description: 'Waiting counts every 100 ms; prefixes by its own tree.',
    source: `skypilot-org/skypilot, branch of SkyWalker; commit not established. ${NO_DELAY}`,
    metrics: polled(100),
    prefixes: 'none',
  },
  {
    name: 'dynamo',
    description: 'KV events, and its own account of what is under way: the KV router of Dynamo.',
    source: `ai-dynamo/dynamo at 07a6c9ce and 021d6169, lib/kv-router. ${NO_DELAY} Its load metrics only mark backends as busy, at an interval that is not established: none here.`,
    metrics: 'none',
    prefixes: kvEvents,
  },
  {
    name: 'standalone-100ms',
    description: 'Metrics and KV events polled every 100 ms: the standalone router of Dynamo.',
    source:
      'ai-dynamo/dynamo, examples/deployments/router_standalone at 87b3938f. A poll finds an event 50 ms after it on average, which is its delay here.',
    metrics: polled(100),
    prefixes: { ...kvEvents, delayMs: 50 },
  },
])
