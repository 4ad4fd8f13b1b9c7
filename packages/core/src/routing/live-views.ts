import type { Backend } from '../backend/backend.js'
import type { BackendLoads } from '../backend/backend-loads.js'
import type { EventLoop } from '../kernel/event-loop.js'
import type { RandomStream } from '../kernel/random-stream.js'
import type { KvCache, KvUsage } from '../kv-cache/kv-cache.js'
import type { RequestTable } from '../requests/request-table.js'
import type { BackendRole, BackendView, ClusterView } from './cluster-view.js'
import type { RequestView } from './request-view.js'

/** A {@link RequestView} over one row of the table, moved from request to request. */
export class RequestCursor implements RequestView {
  #row = -1
  readonly #table: RequestTable

  constructor(table: RequestTable) {
    this.#table = table
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
    return this.#table.arrivalMs[this.#row]!
  }
  get promptTokens(): number {
    return this.#table.promptTokens[this.#row]!
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
}

/** A {@link BackendView} whose getters read the running backend. */
export class LiveBackendView implements BackendView {
  readonly kind = 'backend'
  readonly id: number
  readonly role: BackendRole
  readonly healthy = true
  readonly maxQueueDepth: number
  readonly maxNumSeqs: number
  readonly maxBatchTokens: number
  readonly blockTokens: number
  readonly #backend: Backend
  readonly #loads: BackendLoads
  readonly #kv: KvCache
  readonly #loop: EventLoop
  readonly #usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }

  constructor(backend: Backend, loads: BackendLoads, kv: KvCache, loop: EventLoop) {
    this.id = backend.id
    this.role = backend.spec.role
    this.maxQueueDepth = backend.spec.maxQueueDepth
    this.maxNumSeqs = backend.spec.maxNumSeqs
    this.maxBatchTokens = backend.spec.maxBatchTokens
    this.blockTokens = backend.spec.kv.blockTokens
    this.#backend = backend
    this.#loads = loads
    this.#kv = kv
    this.#loop = loop
  }

  get waiting(): number {
    return this.#loads.waiting[this.id]!
  }
  get running(): number {
    return this.#loads.running[this.id]!
  }
  get outstanding(): number {
    return this.#loads.waiting[this.id]! + this.#loads.running[this.id]!
  }
  get pendingPromptTokens(): number {
    return this.#loads.pendingPromptTokens[this.id]!
  }
  get kvUsage(): number {
    this.#backend.sync(this.#loop.nowMs)
    this.#kv.usage(this.id, this.#usage)
    return this.#usage.held / this.#usage.total
  }
  get available(): boolean {
    return this.healthy && this.#loads.waiting[this.id]! < this.maxQueueDepth
  }
}

/** A {@link ClusterView} over the running cluster, or over a pool of it. */
export class LiveClusterView implements ClusterView {
  readonly random: RandomStream
  readonly backends: readonly BackendView[]
  readonly #loop: EventLoop
  readonly #kv: KvCache
  readonly #all: readonly Backend[]
  readonly #matched: Int32Array
  readonly #pools = new Map<string, LiveClusterView>()

  constructor(
    backends: readonly BackendView[],
    all: readonly Backend[],
    loop: EventLoop,
    kv: KvCache,
    random: RandomStream,
    matched: Int32Array,
  ) {
    this.backends = backends
    this.#all = all
    this.random = random
    this.#loop = loop
    this.#kv = kv
    this.#matched = matched
  }

  get nowMs(): number {
    return this.#loop.nowMs
  }

  prefixMatch(request: RequestView): ArrayLike<number> {
    for (const backend of this.#all) backend.sync(this.#loop.nowMs)
    this.#kv.match(request.id, this.#matched)
    return this.#matched
  }

  pool(...roles: readonly BackendRole[]): ClusterView {
    const key = roles.join(',')
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      const members = this.backends.filter((backend) => roles.includes(backend.role))
      pool = new LiveClusterView(
        members,
        this.#all,
        this.#loop,
        this.#kv,
        this.random,
        this.#matched,
      )
      this.#pools.set(key, pool)
    }
    return pool
  }
}
