import type {
  BackendReply,
  BackendRole,
  BackendView,
  ClusterView,
  DecisionNotes,
  RandomStream,
  RequestView,
  RoutingDecision,
} from '@routesim/core'
import type { KvKnowledge } from './kv-knowledge.js'
import type { LiveBackend } from './live-backend.js'
import type { LiveRequest } from './live-request.js'
import type { LoadColumns } from './load-columns.js'

/** What all views of one fleet share. */
export interface LiveClusterSource {
  readonly columns: LoadColumns
  readonly knowledge: KvKnowledge
  readonly random: RandomStream
  /** Where decisions are explained, if they are kept. */
  readonly notes: DecisionNotes | undefined
  now(): number
  emittedTokens(request: number): number
  release(request: number, decision: RoutingDecision): void
  timer(id: string, delayMs: number): void
  /** Lets the algorithm hear that a move is refused, after the hook it is in. */
  refuseMove(request: number): void
  /** Lets the algorithm hear an answer, after the hook it is in. */
  reply(id: string, backend: BackendView, reply: BackendReply): void
}

/** The workers behind a live router as routing algorithms see them, or a pool of them. */
export class LiveCluster implements ClusterView {
  readonly backends: readonly LiveBackend[]
  readonly ids: Int32Array
  readonly columns: LoadColumns
  readonly random: RandomStream
  private readonly source: LiveClusterSource
  private readonly matched: Float64Array
  private readonly usages: Float64Array
  private readonly pools = new Map<string, LiveCluster>()

  constructor(backends: readonly LiveBackend[], source: LiveClusterSource) {
    // Algorithms that sort or change the list would do so for good.
    this.backends = Object.freeze([...backends])
    this.ids = Int32Array.from(backends, ({ id }) => id)
    this.columns = source.columns
    this.random = source.random
    this.source = source
    this.matched = new Float64Array(source.columns.waiting.length)
    this.usages = new Float64Array(source.columns.waiting.length)
  }

  get nowMs(): number {
    return this.source.now()
  }

  get notes(): DecisionNotes | undefined {
    return this.source.notes
  }

  prefixMatch(request: RequestView): ArrayLike<number> {
    // Algorithms hand back the request they were given.
    this.source.knowledge.match(request as LiveRequest, this.nowMs, this.matched)
    return this.matched
  }

  kvUsages(): ArrayLike<number> {
    for (const backend of this.backends) this.usages[backend.id] = backend.kvUsage
    return this.usages
  }

  emittedTokens(request: number): number {
    return this.source.emittedTokens(request)
  }

  release(request: number, decision: RoutingDecision): void {
    this.source.release(request, decision)
  }

  timer(id: string, delayMs: number): void {
    this.source.timer(id, delayMs)
  }

  /** Is always refused: no server takes over what another has begun. */
  migrate(request: number): void {
    this.source.refuseMove(request)
  }

  /** Answers from the latest metrics; servers have no interface for questions. */
  query(backend: BackendView, id: string, about?: RequestView): void {
    const { waiting, running, kvUsage, metricsAgeMs } = backend
    const askedMs = this.nowMs
    const matchedTokens = about === undefined ? 0 : this.prefixMatch(about)[backend.id]!
    const takenMs = askedMs - metricsAgeMs
    this.source.reply(id, backend, {
      askedMs,
      takenMs,
      waiting,
      running,
      kvUsage,
      matchedTokens,
    })
  }

  pool(...roles: readonly BackendRole[]): LiveCluster {
    return this.where(roles.join(), ({ role }) => roles.includes(role))
  }

  /** The workers that serve a model or an adapter, or may. */
  serving(name: string): LiveCluster {
    // A view is kept for each name that is served; clients may name any number of others.
    const isServed = this.backends.some(({ served }) => served?.some((each) => each.name === name))
    return this.where(isServed ? `model ${name}` : 'any model', (backend) => backend.serves(name))
  }

  /** Finds the pools anew: what workers serve has changed. */
  forgetPools(): void {
    this.pools.clear()
  }

  private where(key: string, is: (backend: LiveBackend) => boolean): LiveCluster {
    let pool = this.pools.get(key)
    if (pool === undefined) {
      pool = new LiveCluster(this.backends.filter(is), this.source)
      this.pools.set(key, pool)
    }
    return pool
  }
}
