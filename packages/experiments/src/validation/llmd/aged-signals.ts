import type {
  BackendColumns,
  BackendView,
  ClusterView,
  RequestView,
  RoutingAlgorithm,
  RoutingDecision,
} from '@routesim/core'

/** How old the load figures are that a router sees. */
export interface SignalAge {
  /** Time between two scrapes of a backend's metrics, in ms; 0 for exact figures. */
  readonly intervalMs: number
  /** From the backend's state to the router, beside the wait for the next scrape, in ms. */
  readonly delayMs: number
}

/**
 * Shows a router copies of the backends' load figures as periodic scraping delivers them: all decisions
 * between two scrapes see the same. The state at a scrape is the last one seen at an event of the router
 * (a request, a first token, an end) before it. Prefix matches stay as they are.
 */
export function withAgedSignals(router: RoutingAlgorithm, age: SignalAge): RoutingAlgorithm {
  if (age.intervalMs === 0 && age.delayMs === 0) return router
  const aged = new AgedCluster(age)
  const { onDispatched, onFirstToken, onFinished, customMetrics } = router
  return {
    name: router.name,
    route(request, cluster) {
      aged.observe(cluster)
      const decision = router.route(request, aged)
      if (decision.kind !== 'backend') return decision
      return cluster.backends.find(({ id }) => id === decision.id)!
    },
    onDispatched(request, backend, cluster, decode) {
      aged.observe(cluster)
      onDispatched?.call(router, request, backend, aged, decode)
    },
    onFirstToken(request, backend, cluster) {
      aged.observe(cluster)
      onFirstToken?.call(router, request, backend, aged)
    },
    onFinished(request, backend, cluster, usage) {
      aged.observe(cluster)
      onFinished?.call(router, request, backend, aged, usage)
    },
    ...(customMetrics === undefined ? {} : { customMetrics: () => customMetrics.call(router) }),
  }
}

/** The load of all backends at one time. */
interface Sample {
  timeMs: number
  readonly waiting: Float64Array
  readonly running: Float64Array
  readonly outstanding: Float64Array
  readonly pendingPromptTokens: Float64Array
  readonly kvUsage: Float64Array
}

class AgedCluster implements ClusterView {
  readonly age: SignalAge
  private live!: ClusterView
  private views: readonly BackendView[] = []
  /** Samples by time; the first is the newest that has been delivered. */
  private samples: Sample[] = []
  private readonly spare: Sample[] = []

  constructor(age: SignalAge) {
    this.age = age
  }

  /** Takes note of the live state. */
  observe(live: ClusterView): void {
    this.live = live
    if (this.views.length === 0) this.views = live.backends.map((each) => this.viewOf(each))
    const last = this.samples.at(-1)
    const sample = last?.timeMs === live.nowMs ? last : this.append(live.nowMs)
    for (const backend of live.backends) {
      sample.waiting[backend.id] = backend.waiting
      sample.running[backend.id] = backend.running
      sample.outstanding[backend.id] = backend.outstanding
      sample.pendingPromptTokens[backend.id] = backend.pendingPromptTokens
      sample.kvUsage[backend.id] = backend.kvUsage
    }
    this.dropOutdated()
  }

  get nowMs(): number {
    return this.live.nowMs
  }
  get random(): ClusterView['random'] {
    return this.live.random
  }
  get backends(): readonly BackendView[] {
    return this.views
  }
  get ids(): ArrayLike<number> {
    return this.live.ids
  }
  get columns(): BackendColumns {
    const { maxQueueDepth, sentSinceSample } = this.live.columns
    return { ...this.delivered, maxQueueDepth, sentSinceSample }
  }
  prefixMatch(request: RequestView): ArrayLike<number> {
    return this.live.prefixMatch(request)
  }
  kvUsages(): ArrayLike<number> {
    return this.delivered.kvUsage
  }
  emittedTokens(request: number): number {
    return this.live.emittedTokens(request)
  }
  release(request: number, decision: RoutingDecision): void {
    this.live.release(request, decision)
  }
  timer(id: string, delayMs: number): void {
    this.live.timer(id, delayMs)
  }
  migrate(request: number, { id }: BackendView, mode?: 'transfer' | 'recompute'): void {
    this.live.migrate(request, this.live.backends.find((each) => each.id === id)!, mode)
  }
  query({ id }: BackendView, question: string, about?: RequestView): void {
    this.live.query(this.live.backends.find((each) => each.id === id)!, question, about)
  }
  pool(): ClusterView {
    return this
  }

  /** What the last scrape has brought. */
  get delivered(): Sample {
    return this.samples[0]!
  }

  private append(timeMs: number): Sample {
    const size = this.live.backends.length
    const sample = this.spare.pop() ?? {
      timeMs,
      waiting: new Float64Array(size),
      running: new Float64Array(size),
      outstanding: new Float64Array(size),
      pendingPromptTokens: new Float64Array(size),
      kvUsage: new Float64Array(size),
    }
    sample.timeMs = timeMs
    this.samples.push(sample)
    return sample
  }

  private dropOutdated(): void {
    const { intervalMs, delayMs } = this.age
    const visibleMs = this.live.nowMs - delayMs
    const scrapeMs = intervalMs === 0 ? visibleMs : Math.floor(visibleMs / intervalMs) * intervalMs
    let outdated = 0
    while (
      this.samples[outdated + 1] !== undefined &&
      this.samples[outdated + 1]!.timeMs <= scrapeMs
    )
      outdated++
    if (outdated > 0) this.spare.push(...this.samples.splice(0, outdated))
  }

  private viewOf(backend: BackendView): BackendView {
    const cluster = this
    return {
      kind: 'backend',
      id: backend.id,
      role: backend.role,
      maxQueueDepth: backend.maxQueueDepth,
      maxNumSeqs: backend.maxNumSeqs,
      maxBatchTokens: backend.maxBatchTokens,
      blockTokens: backend.blockTokens,
      kvTokens: backend.kvTokens,
      sentSinceSample: 0,
      get metricsAgeMs() {
        return cluster.nowMs - cluster.delivered.timeMs
      },
      model: backend.model,
      get healthy() {
        return backend.healthy
      },
      get available() {
        return backend.available
      },
      get waiting() {
        return cluster.delivered.waiting[backend.id]!
      },
      get running() {
        return cluster.delivered.running[backend.id]!
      },
      get outstanding() {
        return cluster.delivered.outstanding[backend.id]!
      },
      get pendingPromptTokens() {
        return cluster.delivered.pendingPromptTokens[backend.id]!
      },
      get kvUsage() {
        return cluster.delivered.kvUsage[backend.id]!
      },
    }
  }
}
