import type { BackendRole, BackendView } from '@routesim/core'
import { CircuitBreaker } from './circuit-breaker.js'
import type { LoadColumns } from './load-columns.js'
import type { RouterConfig, WorkerConfig } from './router-config.js'
import { oneModel, type ServedModel } from './served-models.js'
import type { FailureReason } from './upstream.js'

/** How long a sample of a worker's metrics is believed, in intervals between samples. */
const STALE_AFTER = 5

/** A worker's own figures as they were at some time. */
export interface MetricsSample {
  readonly takenMs: number
  readonly waiting: number
  readonly running: number
  /** Share of KV blocks in use, 0 to 1. */
  readonly kvUsage: number
}

/** What a router asks workers about themselves. */
export type ProbedPath = '/health' | '/v1/models' | '/metrics'

/** One worker: what routing algorithms see of it, and what the router keeps to know that. */
export class LiveBackend implements BackendView {
  readonly kind = 'backend'
  readonly id: number
  readonly url: string
  readonly role: BackendRole
  readonly blockTokens: number
  readonly breaker: CircuitBreaker
  /** What it serves, models and adapters, in order of names; undefined until known. */
  served: readonly ServedModel[] | undefined
  /** The one model it serves, whatever adapters of it; undefined when it is not known, or when there are several. */
  model: string | undefined
  /** Whether its /health says so; false until it has been asked. */
  isUp = false
  /** Whether it is in the config that holds; of one that was taken out requests under way go on. */
  isPresent = false
  sample: MetricsSample | undefined
  /** This router's own requests: under way, without a first token, tokens of prompts and answers. */
  inFlight = 0
  beforeFirstToken = 0
  /** Of those without a first token the ones whose answers come whole. */
  beforeWholeAnswer = 0
  pendingTokens = 0
  heldTokens = 0
  dispatched = 0
  dispatchedSinceSample = 0
  /** Failed exchanges with it, by reason, and by status where that is the reason. */
  readonly failuresByReason: Map<string, number> = new Map()
  /** What is wrong with its answers to questions of the router, by path. */
  readonly troubles: Map<ProbedPath, string> = new Map()
  private settings: WorkerConfig
  private columns: LoadColumns
  private readonly now: () => number

  constructor(
    id: number,
    worker: WorkerConfig,
    config: RouterConfig,
    columns: LoadColumns,
    now: () => number,
  ) {
    this.id = id
    this.settings = worker
    this.url = addressOf(worker)
    this.role = worker.role
    if (worker.model !== undefined) this.serve(oneModel(worker.model))
    this.blockTokens = config.block_tokens
    this.now = now
    this.breaker = new CircuitBreaker({
      failures: config.breaker_failures,
      openMs: config.breaker_open_ms,
    })
    this.columns = columns
  }

  get config(): WorkerConfig {
    return this.settings
  }
  get maxQueueDepth(): number {
    return this.settings.max_queue_depth
  }
  get maxNumSeqs(): number {
    return this.settings.max_num_seqs
  }
  get maxBatchTokens(): number {
    return this.settings.max_batch_tokens
  }
  /** As configured; 0 when nobody says. */
  get kvTokens(): number {
    return this.settings.kv_tokens
  }
  /** Names that it serves a model or adapters under, in order; undefined until known. */
  get models(): readonly string[] | undefined {
    return this.served?.map(({ name }) => name)
  }
  get failures(): number {
    return [...this.failuresByReason.values()].reduce((sum, count) => sum + count, 0)
  }
  get healthy(): boolean {
    return this.columns.maxQueueDepth[this.id]! > 0
  }
  get waiting(): number {
    return this.columns.waiting[this.id]!
  }
  get running(): number {
    return this.columns.running[this.id]!
  }
  get outstanding(): number {
    return this.columns.outstanding[this.id]!
  }
  get pendingPromptTokens(): number {
    return this.columns.pendingPromptTokens[this.id]!
  }
  get kvUsage(): number {
    const sample = this.freshSample(this.now())
    if (sample !== undefined) return sample.kvUsage
    return this.kvTokens === 0 ? 0 : Math.min(1, this.heldTokens / this.kvTokens)
  }
  /** 0 where this router's own count, always up to now, stands in for metrics. */
  get metricsAgeMs(): number {
    const nowMs = this.now()
    const sample = this.freshSample(nowMs)
    return sample === undefined ? 0 : nowMs - sample.takenMs
  }
  get sentSinceSample(): number {
    return this.columns.sentSinceSample[this.id]!
  }
  get available(): boolean {
    return this.waiting < this.columns.maxQueueDepth[this.id]!
  }

  /** Whether a worker of another config is this one. */
  is(worker: WorkerConfig): boolean {
    return addressOf(worker) === this.url && worker.role === this.role
  }

  /** Has other limits, and perhaps another model, from now on. @returns whether anything is other than before */
  configure(worker: WorkerConfig): boolean {
    const before = this.settings
    this.settings = worker
    if (worker.model !== before.model) {
      // Nobody asks one whose model is in the config.
      this.troubles.delete('/v1/models')
      if (worker.model !== undefined) this.serve(oneModel(worker.model))
      else this.served = this.model = undefined
    }
    return JSON.stringify(worker) !== JSON.stringify(before)
  }

  /** Is known to serve these from now on. */
  serve(served: readonly ServedModel[]): void {
    this.served = served
    const models = served.filter(({ adapterOf }) => adapterOf === undefined)
    this.model = models.length === 1 ? models[0]!.name : undefined
  }

  /** Whether it takes requests that name a model or an adapter; one that does not say what it serves takes all. */
  serves(name: string): boolean {
    return this.served === undefined || this.served.some((each) => each.name === name)
  }

  /** An exchange with it failed. */
  failed(reason: FailureReason, status?: number): void {
    const key = status === undefined ? reason : `${reason} ${status}`
    this.failuresByReason.set(key, (this.failuresByReason.get(key) ?? 0) + 1)
  }

  /** Where its load is written from now on. */
  showIn(columns: LoadColumns): void {
    this.columns = columns
    if (columns.metricsIntervalMs === 0) this.sample = undefined
  }

  /** The latest metrics while they are to be believed; without them this router's own count stands in. */
  freshSample(nowMs: number): MetricsSample | undefined {
    const { sample, columns } = this
    if (sample === undefined) return undefined
    const isFresh = nowMs - sample.takenMs <= STALE_AFTER * columns.metricsIntervalMs
    return isFresh ? sample : undefined
  }

  /** Whether a request may be sent to it now. */
  mayServe(nowMs: number): boolean {
    return this.isUp && this.isPresent && this.breaker.admits(nowMs)
  }
}

function addressOf({ url }: WorkerConfig): string {
  return url.replace(/\/+$/, '')
}
