import { type BackendRole, type BackendView, type ClusterView, RandomStream } from '@routesim/core'

/** What a {@link testCluster} has beside its backends. */
export interface TestClusterOptions {
  /** Leading prompt tokens that each backend has in its KV cache, by id, whatever the request; 0 by default. */
  readonly matchedTokens?: readonly number[]
  /** The time in ms, 0 by default. */
  readonly nowMs?: number
  /** What ties are broken with; a stream of the seed 1 by default. */
  readonly random?: RandomStream
  /** Output tokens that each request has got, by id; 0 by default. */
  readonly emittedTokens?: readonly number[]
  /** Called when the router lets a request go; nothing comes of it by default, nor of the other three. */
  readonly release?: ClusterView['release']
  /** Called when the router sets a timer. */
  readonly timer?: ClusterView['timer']
  /** Called when the router moves a request. */
  readonly migrate?: ClusterView['migrate']
  /** Called when the router asks a backend. */
  readonly query?: ClusterView['query']
}

/**
 * A cluster in a given state, to test what a router decides without a simulation. Nothing changes in it: for
 * another decision, make another one.
 *
 * @param states - a backend each, with ids from 0; see {@link testBackend} for what is left out
 *
 * @example
 * const cluster = testCluster([{ running: 3 }, {}, { running: 1 }], { matchedTokens: [0, 0, 80] })
 * leastOutstanding.create().route(testRequest(), cluster) === cluster.backends[1] // => true
 * prefixAware.create().route(testRequest({ prefixTokens: 80 }), cluster) === cluster.backends[2] // => true
 */
export function testCluster(
  states: readonly Partial<BackendView>[],
  options: TestClusterOptions = {},
): ClusterView {
  const { nowMs = 0, emittedTokens = [] } = options
  const matchedTokens = states.map((_, id) => options.matchedTokens?.[id] ?? 0)
  const { release = ignored, timer = ignored, migrate = ignored, query = ignored } = options
  const random = options.random ?? new RandomStream(1, 'router')
  const all = states.map((state, id) => testBackend(id, state))
  const columns = {
    waiting: all.map(({ waiting }) => waiting),
    running: all.map(({ running }) => running),
    outstanding: all.map(({ outstanding }) => outstanding),
    pendingPromptTokens: all.map(({ pendingPromptTokens }) => pendingPromptTokens),
    sentSinceSample: all.map(({ sentSinceSample }) => sentSinceSample),
    // One that is said to be out, for whatever reason, is out for those who read columns too.
    maxQueueDepth: all.map(({ healthy, available, waiting, maxQueueDepth }) =>
      healthy && (available || waiting >= maxQueueDepth) ? maxQueueDepth : 0,
    ),
  }
  const view = (backends: readonly BackendView[]): ClusterView => ({
    nowMs,
    random,
    backends,
    ids: backends.map(({ id }) => id),
    columns,
    prefixMatch: () => matchedTokens,
    kvUsages: () => all.map(({ kvUsage }) => kvUsage),
    emittedTokens: (request) => emittedTokens[request] ?? 0,
    release,
    timer,
    migrate,
    query,
    pool: (...roles: readonly BackendRole[]) =>
      view(backends.filter((backend) => roles.includes(backend.role))),
  })
  return view(all)
}

/**
 * A backend in a given state: idle, empty, healthy, with room for 10 requests in its queue, for 256 in a batch and for
 * 524,288 tokens in its KV cache, but for what is given. `outstanding` is what waits and runs, and `available` follows,
 * unless they are given too.
 */
export function testBackend(id: number, state: Partial<BackendView> = {}): BackendView {
  const { healthy = true, waiting = 0, running = 0, maxQueueDepth = 10 } = state
  return {
    kind: 'backend',
    id,
    role: 'both',
    model: undefined,
    healthy,
    waiting,
    running,
    outstanding: waiting + running,
    pendingPromptTokens: 0,
    kvUsage: 0,
    metricsAgeMs: 0,
    sentSinceSample: 0,
    maxQueueDepth,
    maxNumSeqs: 256,
    maxBatchTokens: 8192,
    blockTokens: 16,
    kvTokens: 524_288,
    available: healthy && waiting < maxQueueDepth,
    ...state,
  }
}

function ignored(): void {}
