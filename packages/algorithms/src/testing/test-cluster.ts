import {
  type BackendRole,
  type BackendView,
  type ClusterView,
  RandomStream,
  type RequestUsage,
  type RequestView,
  type RoutingDecision,
} from '@routesim/core'

/** A backend in a given state; what is left out is idle and empty. */
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

/** Backends in given states, with ids from 0. `matchedTokens` is by id. */
export function testCluster(
  states: readonly Partial<BackendView>[],
  options: {
    readonly matchedTokens?: readonly number[]
    readonly nowMs?: number
    readonly random?: RandomStream
    /** Output tokens that each request has got, by id. */
    readonly emittedTokens?: readonly number[]
    /** Whether a router may let requests go and set timers, of which nothing comes. */
    readonly mayWait?: boolean
  } = {},
): ClusterView {
  const { matchedTokens = states.map(() => 0), nowMs = 0, mayWait = false } = options
  const random = options.random ?? new RandomStream(1, 'router')
  const all = states.map((state, id) => testBackend(id, state))
  const columns = {
    waiting: all.map(({ waiting }) => waiting),
    running: all.map(({ running }) => running),
    outstanding: all.map(({ outstanding }) => outstanding),
    pendingPromptTokens: all.map(({ pendingPromptTokens }) => pendingPromptTokens),
    sentSinceSample: all.map(({ sentSinceSample }) => sentSinceSample),
    maxQueueDepth: all.map(({ healthy, maxQueueDepth }) => (healthy ? maxQueueDepth : 0)),
  }
  const view = (backends: readonly BackendView[]): ClusterView => ({
    nowMs,
    random,
    backends,
    ids: backends.map(({ id }) => id),
    columns,
    prefixMatch: () => matchedTokens,
    kvUsages: () => all.map(({ kvUsage }) => kvUsage),
    emittedTokens: (request) => options.emittedTokens?.[request] ?? 0,
    release: () => {
      if (!mayWait) throw new Error('a test cluster holds nothing')
    },
    timer: () => {
      if (!mayWait) throw new Error('a test cluster has no timers')
    },
    migrate: () => {
      throw new Error('a test cluster moves nothing')
    },
    query: () => {
      throw new Error('a test cluster answers nothing')
    },
    pool: (...roles: readonly BackendRole[]) =>
      view(backends.filter((backend) => roles.includes(backend.role))),
  })
  return view(all)
}

/** A request of 100 prompt tokens, with other fields as given. */
export function testRequest(fields: Partial<RequestView> = {}): RequestView {
  return {
    id: 0,
    arrivalMs: 0,
    promptTokens: 100,
    maxTokens: 100,
    prefixTokens: 0,
    session: undefined,
    user: undefined,
    tenant: undefined,
    model: undefined,
    adapter: undefined,
    priority: 0,
    ttftSloMs: undefined,
    attempt: 0,
    promptPath: (out) => out.clear(),
    ...fields,
  }
}

/** A request that got 10 tokens after one second. */
export function testUsage(fields: Partial<RequestUsage> = {}): RequestUsage {
  return {
    completed: true,
    promptTokens: 100,
    cachedTokens: 0,
    outputTokens: 10,
    ttftMs: 500,
    e2eMs: 1000,
    ...fields,
  }
}

/** What a decision says, short enough for a table: an id, a pair of ids, or a reason. */
export function summary(decision: RoutingDecision): number | string {
  if (decision.kind === 'backend') return decision.id
  if (decision.kind === 'reject') return decision.reason
  if (decision.kind === 'hold') return 'hold'
  if (decision.kind === 'prefill') return `${decision.prefill.id}>?`
  return `${decision.prefill.id}>${decision.decode.id}`
}
