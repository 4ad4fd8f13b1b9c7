import type { Fleet } from '../backend/fleet.js'
import type { BackendSpec } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { Clock } from '../kernel/clock.js'
import type { RandomStream } from '../kernel/random-stream.js'
import type { KvCache, KvUsage } from '../kv-cache/kv-cache.js'
import type { PromptPathWriter } from '../requests/prompt-runs.js'
import type { RequestTable } from '../requests/request-table.js'
import type {
  AdapterState,
  BackendColumns,
  BackendRole,
  BackendView,
  ClusterView,
} from './cluster-view.js'
import type { DecisionNotes } from './decision-trace.js'
import type { RequestView } from './request-view.js'
import type { MigrationMode, RoutingDecision } from './routing-algorithm.js'

/** What is known of requests beside their table. */
export interface RequestFacts {
  /** When each request was sent, which is when a router sees it arrive, in ms by row. */
  readonly sentMs: Float64Array
  /** Lengths of prompts as routers see them, by row. */
  readonly promptTokens: Int32Array
  /** {@link RequestView.attempt} by row. */
  readonly attempts: Uint8Array
  writePath(request: number, out: PromptPathWriter): void
  headOf(request: number, tokens: number): number
}

/** What a router can ask and do beside deciding. */
export interface RouterActions {
  /** Where it may explain itself. */
  readonly notes: DecisionNotes | undefined
  emittedTokens(request: number): number
  release(request: number, decision: RoutingDecision): void
  timer(id: string, delayMs: number): void
  migrate(request: number, to: BackendView, mode: MigrationMode): void
  query(backend: BackendView, id: string, about: RequestView | undefined): void
}

/** A {@link RequestView} over one row of the table, moved from request to request. */
export class RequestCursor implements RequestView {
  #row = -1
  readonly #table: RequestTable
  readonly #facts: RequestFacts
  readonly #promptTokens: Int32Array

  constructor(table: RequestTable, facts: RequestFacts) {
    this.#table = table
    this.#facts = facts
    this.#promptTokens = facts.promptTokens
  }

  /** Moves the cursor and returns it. */
  at(row: number): this {
    this.#row = row
    return this
  }

  get id(): number {
    return this.#row
  }
  get arrivalMs(): number {
    return this.#facts.sentMs[this.#row]!
  }
  get promptTokens(): number {
    return this.#promptTokens[this.#row]!
  }
  get maxTokens(): number {
    return this.#table.maxTokens[this.#row]!
  }
  get prefixTokens(): number {
    return this.#table.prefixTokens[this.#row]!
  }
  get session(): string | undefined {
    return this.#table.strings[this.#table.session[this.#row]!]
  }
  get user(): string | undefined {
    return this.#table.strings[this.#table.user[this.#row]!]
  }
  get tenant(): string | undefined {
    return this.#table.strings[this.#table.tenant[this.#row]!]
  }
  get model(): string | undefined {
    return this.#table.strings[this.#table.model[this.#row]!]
  }
  get adapter(): string | undefined {
    return this.#table.strings[this.#table.adapter[this.#row]!]
  }
  get priority(): number {
    return this.#table.priority[this.#row]!
  }
  get sloClass(): string | undefined {
    return this.#table.strings[this.#table.sloClass?.[this.#row] ?? -1]
  }
  get deadlineMs(): number | undefined {
    const deadlineMs = this.#table.deadlineMs?.[this.#row] ?? Number.NaN
    return Number.isNaN(deadlineMs) ? undefined : deadlineMs
  }
  get ttftSloMs(): number | undefined {
    return this.#table.ttftSloMs[this.#row]! || undefined
  }
  get attempt(): number {
    return this.#facts.attempts[this.#row]!
  }
  promptPath(out: PromptPathWriter): void {
    this.#facts.writePath(this.#row, out)
  }
  promptHead(tokens: number): number {
    return this.#facts.headOf(this.#row, tokens)
  }
}

/** What views read. */
export interface LiveSource {
  readonly fleet: Pick<Fleet, 'sync' | 'syncMatches'>
  readonly loads: BackendColumns
  readonly kv: Pick<KvCache, 'match' | 'usage'>
  readonly clock: Clock
  /** What a backend tells of its LoRA adapters; undefined when it has no slots for any. */
  readonly adapters?: (backend: number) => AdapterState | undefined
  /** When the metrics of each backend were taken, in ms; always just now if absent. */
  readonly sampledMs?: Float64Array
}

/** A {@link BackendView} whose getters read the running backend. */
export class LiveBackendView implements BackendView {
  readonly kind = 'backend'
  readonly id: number
  readonly role: BackendRole
  readonly model: string | undefined
  readonly maxQueueDepth: number
  readonly maxNumSeqs: number
  readonly maxBatchTokens: number
  readonly blockTokens: number
  readonly kvTokens: number
  readonly #source: LiveSource
  readonly #loads: BackendColumns
  readonly #usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }

  constructor(id: number, spec: BackendSpec, source: LiveSource) {
    this.id = id
    this.role = spec.role
    this.model = spec.model
    this.maxQueueDepth = spec.maxQueueDepth
    this.maxNumSeqs = spec.maxNumSeqs
    this.maxBatchTokens = spec.maxBatchTokens
    this.blockTokens = spec.kv.blockTokens
    this.kvTokens = spec.kv.blocks * spec.kv.blockTokens * (spec.dp ?? 1)
    this.#source = source
    this.#loads = source.loads
  }

  get waiting(): number {
    return this.#loads.waiting[this.id]!
  }
  get running(): number {
    return this.#loads.running[this.id]!
  }
  get outstanding(): number {
    return this.#loads.outstanding[this.id]!
  }
  get pendingPromptTokens(): number {
    return this.#loads.pendingPromptTokens[this.id]!
  }
  get kvUsage(): number {
    const { fleet, kv } = this.#source
    fleet.sync(this.id)
    kv.usage(this.id, this.#usage)
    return this.#usage.held / this.#usage.total
  }
  get adapters(): AdapterState | undefined {
    return this.#source.adapters?.(this.id)
  }
  get metricsAgeMs(): number {
    const { sampledMs, clock } = this.#source
    if (sampledMs === undefined) return 0
    const ageMs = clock.nowMs - sampledMs[this.id]!
    return Number.isNaN(ageMs) ? 0 : ageMs
  }
  get sentSinceSample(): number {
    return this.#loads.sentSinceSample[this.id]!
  }
  get healthy(): boolean {
    return this.#loads.maxQueueDepth[this.id]! !== 0
  }
  get available(): boolean {
    return this.#loads.waiting[this.id]! < this.#loads.maxQueueDepth[this.id]!
  }
}

/** A {@link ClusterView} over the running cluster, or over a pool of it. */
export class LiveClusterView implements ClusterView {
  readonly random: RandomStream
  backends: readonly BackendView[]
  ids: Int32Array
  readonly columns: BackendColumns
  readonly #all: readonly BackendView[]
  readonly #source: LiveSource
  readonly #actions: RouterActions
  readonly #matched: Int32Array
  readonly #kvUsages: Float64Array
  readonly #usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
  readonly #pools: (LiveClusterView | undefined)[] = []

  constructor(
    backends: readonly BackendView[],
    source: LiveSource,
    random: RandomStream,
    actions: RouterActions,
    matched: Int32Array,
  ) {
    this.#all = [...backends]
    this.backends = this.#all
    this.ids = Int32Array.from(backends, ({ id }) => id)
    this.columns = source.loads
    this.random = random
    this.#source = source
    this.#actions = actions
    this.#matched = matched
    this.#kvUsages = new Float64Array(matched.length)
  }

  get nowMs(): number {
    return this.#source.clock.nowMs
  }

  get notes(): DecisionNotes | undefined {
    return this.#actions.notes
  }

  prefixMatch(request: RequestView): ArrayLike<number> {
    const { fleet, kv } = this.#source
    fleet.syncMatches(request.id)
    kv.match(request.id, this.#matched)
    return this.#matched
  }

  kvUsages(): ArrayLike<number> {
    const { fleet, kv } = this.#source
    const { ids } = this
    const [out, usage] = [this.#kvUsages, this.#usage]
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      fleet.sync(id)
      kv.usage(id, usage)
      out[id] = usage.held / usage.total
    }
    return out
  }

  /** Lists those of its backends that pass, and no others. */
  list(is: (backend: BackendView) => boolean): void {
    this.backends = this.#all.filter(is)
    this.ids = Int32Array.from(this.backends, ({ id }) => id)
    this.#pools.length = 0
  }

  /**
   * Looks at the ends of the list, which a router may have sorted or added to: a frozen one takes a fifth longer to go
   * through.
   * @throws RouteSimError `router_failed` when they are others
   */
  checkList(): void {
    const { backends, ids } = this
    const last = ids.length - 1
    if (last < 0) return
    if (
      backends.length === ids.length &&
      backends[0]!.id === ids[0] &&
      backends[last]!.id === ids[last]
    )
      return
    throw new RouteSimError(
      'cluster.backends: expected the list as it was given, got another order or length',
      {
        code: 'router_failed',
        hint: 'Change a copy, as in [...cluster.backends].',
      },
    )
  }

  /** The same cluster with only the backends that pass. */
  where(is: (backend: BackendView) => boolean): LiveClusterView {
    const own = this.backends.filter(is)
    return new LiveClusterView(own, this.#source, this.random, this.#actions, this.#matched)
  }

  emittedTokens(request: number): number {
    return this.#actions.emittedTokens(request)
  }

  release(request: number, decision: RoutingDecision): void {
    this.#actions.release(request, decision)
  }

  timer(id: string, delayMs: number): void {
    this.#actions.timer(id, delayMs)
  }

  migrate(request: number, to: BackendView, mode: MigrationMode = 'transfer'): void {
    this.#actions.migrate(request, to, mode)
  }

  query(backend: BackendView, id: string, about?: RequestView): void {
    this.#actions.query(backend, id, about)
  }

  pool(...roles: readonly BackendRole[]): ClusterView {
    let key = 0
    for (const role of roles) key |= ROLE_BITS[role]
    let pool = this.#pools[key]
    if (pool === undefined) {
      pool = this.where((backend) => roles.includes(backend.role))
      this.#pools[key] = pool
    }
    return pool
  }
}

/** Pools are kept by the roles in them, of which there are eight combinations. */
const ROLE_BITS: Readonly<Record<BackendRole, number>> = { prefill: 1, decode: 2, both: 4 }
