import {
  type BackendChange,
  DecisionNotebook,
  type KvEvent,
  RandomStream,
  type RequestUsage,
  type RoutingAlgorithm,
  type RoutingDecision,
} from '@routesim/core'
import { BlockInterner } from '../tokens/block-interner.js'
import { AlgorithmGauges } from './algorithm-gauges.js'
import { AnswerProgress } from './answer-progress.js'
import type { AnswerUsage } from './answer-usage.js'
import type { CoreListener } from './core-listener.js'
import { DecisionLog } from './decision-log.js'
import { HeldTickets } from './held-tickets.js'
import { hookFailed } from './hook-failed.js'
import {
  ApproximateKnowledge,
  type BlockNews,
  EventKnowledge,
  type KvKnowledge,
  type NewsBlock,
  NoKnowledge,
} from './kv-knowledge.js'
import { LiveBackend, type MetricsSample } from './live-backend.js'
import { LiveCluster, type LiveClusterSource } from './live-cluster.js'
import { LiveRequest, type LiveRequestFacts, type PromptHashes } from './live-request.js'
import { type AlgorithmFactory, makeAlgorithm, serveDifferently } from './load-algorithm-factory.js'
import { LoadColumns } from './load-columns.js'
import { destinationOf, type Route, routeOf } from './route.js'
import type { RouterConfig } from './router-config.js'
import { type ServedModel, serveAlike } from './served-models.js'
import { standingClock } from './standing-clock.js'
import { Ticket } from './ticket.js'

/** Blocks that an online interner remembers: about 100 MB at most. */
const INTERNED_BLOCKS = 2 ** 20

/** What is known of an answer when it ends. */
export type AnswerFacts = AnswerUsage & Pick<RequestUsage, 'completed'>

const NO_ANSWER: AnswerFacts = {
  completed: false,
  promptTokens: Number.NaN,
  cachedTokens: 0,
  outputTokens: 0,
}

/** What the name of a model in a request stands for. */
export interface NamedModel {
  /** The model itself. */
  readonly model: string | undefined
  /** The LoRA adapter on it. */
  readonly adapter: string | undefined
  /** What is part of its block hashes, as it shares no KV with what else a worker serves. */
  readonly apart: string | undefined
}

/**
 * A router without a network: workers, what is known of them, and the routing algorithm, which sees the
 * same views as in a simulation. Time is handed in.
 */
export class RouterCore {
  readonly decisions: DecisionLog
  readonly now: () => number
  readonly interner: BlockInterner = new BlockInterner(INTERNED_BLOCKS)
  readonly held: HeldTickets = new HeldTickets()
  /** Tokens of answers. */
  readonly progress: AnswerProgress = new AnswerProgress()
  private config: RouterConfig
  private algorithm!: RoutingAlgorithm
  private gauges!: AlgorithmGauges
  private cluster!: LiveCluster
  /** What an algorithm sees that another has taken over from: it can do nothing. */
  private aside!: LiveCluster
  private columns: LoadColumns
  /** Only while the last decisions are kept. */
  private notebook: DecisionNotebook | undefined
  private knowledgeOf!: KvKnowledge
  private all: LiveBackend[] = []
  /** Requests under way, by id: their blocks keep their ids. */
  private readonly tickets = new Map<number, Ticket>()
  private saysMovesAreRefused = true
  /** Whether some workers serve other models than others. */
  private isMixed = false
  /** By name: what shares no KV with the model of its worker, and the model that it is an adapter of. */
  private apart: ReadonlyMap<string, string | undefined> = new Map()
  private readonly listener: CoreListener
  /** The time that algorithms see. */
  private readonly instant: () => number
  private readonly random: RandomStream
  private readonly freeIds: number[] = []
  private nextId = 0

  /** @param now - in ms, from any start */
  constructor(
    config: RouterConfig,
    create: AlgorithmFactory,
    now: () => number,
    listener: CoreListener,
  ) {
    this.config = config
    this.listener = listener
    this.now = now
    this.instant = standingClock(now)
    this.random = new RandomStream(config.seed, 'router')
    this.decisions = new DecisionLog(config.decisions)
    this.knowledgeOf = this.knowledgeFor(config)
    this.columns = new LoadColumns(0, config.metrics_interval_ms)
    this.reconfigure(config, create, this.workersOf(config))
  }

  /** Workers in the config, in order of id; not those that were taken out. */
  get backends(): readonly LiveBackend[] {
    return this.cluster.backends
  }
  get knowledge(): KvKnowledge {
    return this.knowledgeOf
  }
  get algorithmName(): string {
    return this.algorithm.name
  }
  /** Whether the algorithm wants to hear of blocks. */
  get hearsKvEvents(): boolean {
    return this.algorithm.onKvEvents !== undefined
  }
  /** What the algorithm reports about itself, as it is. */
  get customMetrics(): Readonly<Record<string, number>> {
    return this.algorithm.customMetrics?.() ?? {}
  }
  /** The same as far as it can be shown, by name. */
  get algorithmGauges(): ReadonlyMap<string, number> {
    return this.gauges.read()
  }

  /**
   * The workers of another config, in its order: those with the same address and role are the present ones, and others
   * are new. They get requests when it is taken over.
   */
  workersOf(config: RouterConfig): LiveBackend[] {
    return config.workers.map((worker) => {
      const same = this.all.find((each) => each.isPresent && each.is(worker))
      if (same !== undefined) return same
      const added = new LiveBackend(this.all.length, worker, config, this.columns, this.now)
      this.all.push(added)
      return added
    })
  }

  /**
   * Takes over another config: workers that were there stay what they are, with the limits that they have there, and the
   * rest come and go; the algorithm starts afresh. Requests under way are not touched.
   *
   * @param workers - those of {@link workersOf}
   * @returns the workers that are new, those that are gone, and those that stay with other settings
   */
  reconfigure(
    config: RouterConfig,
    create: AlgorithmFactory,
    workers: readonly LiveBackend[],
  ): Record<'added' | 'removed' | 'changed', readonly LiveBackend[]> {
    const columns = new LoadColumns(this.all.length, config.metrics_interval_ms)
    const known = this.all.filter(({ isPresent }) => isPresent)
    const added = workers.filter(({ isPresent }) => !isPresent)
    const changed: LiveBackend[] = []
    for (const [i, backend] of workers.entries()) {
      if (backend.configure(config.workers[i]!)) changed.push(backend)
      backend.isPresent = true
      backend.breaker.options = {
        failures: config.breaker_failures,
        openMs: config.breaker_open_ms,
      }
    }
    const kept = new Set(workers)
    const removed = known.filter((backend) => !kept.has(backend))
    for (const backend of removed) {
      backend.isPresent = false
      this.knowledgeOf.forget(backend.id)
    }
    this.config = config
    this.saysMovesAreRefused = true
    this.notebook = config.decisions > 0 ? new DecisionNotebook() : undefined
    this.columns = columns
    for (const backend of this.all) backend.showIn(columns)
    const present = this.all.filter(({ isPresent }) => isPresent)
    this.cluster = new LiveCluster(present, this.sourceFor(columns))
    this.aside = new LiveCluster(present, {
      ...this.sourceFor(columns),
      release() {},
      timer() {},
      refuseMove() {},
      reply() {},
    })
    this.lookAtModels()
    const roles = new Set(config.workers.map(({ role }) => role))
    const isSplit = roles.has('prefill') || roles.has('decode')
    const algorithm = makeAlgorithm(create, isSplit, () => this.isMixed)
    this.progress.follow(algorithm, ({ request, at, algorithm: own }, tokens) =>
      this.tell(own, 'onProgress', request, (cluster) =>
        own.onProgress?.(request, at!, tokens, cluster),
      ),
    )
    this.algorithm = algorithm
    this.gauges = new AlgorithmGauges(algorithm, this.listener)
    for (const backend of this.backends) this.refresh(backend)
    const { knowledge } = this
    if (knowledge instanceof EventKnowledge) knowledge.tellAll(this.backends.map(({ id }) => id))
    this.held.askAll()
    return { added, removed, changed }
  }

  /** Whether a request under way is at a worker, or has yet to go there. */
  isInUse(backend: LiveBackend): boolean {
    if (backend.inFlight > 0) return true
    return [...this.tickets.values()].some(({ decode }) => decode === backend)
  }

  private sourceFor(columns: LoadColumns): LiveClusterSource {
    return {
      columns,
      random: this.random,
      notes: this.notebook,
      knowledge: this.knowledgeOf,
      now: this.instant,
      emittedTokens: (request) => this.progress.of(request),
      release: (request, decision) => this.held.release(request, decision),
      timer: (id, delayMs) => {
        const { algorithm } = this
        this.held.timer(id, delayMs, () =>
          this.tell(algorithm, 'onTimer', undefined, (cluster) => algorithm.onTimer?.(id, cluster)),
        )
      },
      refuseMove: (request) => this.refuseMove(request),
      reply: (id, backend, reply) => {
        const { algorithm } = this
        queueMicrotask(() =>
          this.tell(algorithm, 'onReply', undefined, (cluster) =>
            algorithm.onReply?.(id, backend, reply, cluster),
          ),
        )
      },
    }
  }

  /** What the name of a model stands for, as far as workers have told. */
  named(name: string | undefined): NamedModel {
    const isApart = name !== undefined && this.apart.has(name)
    const model = isApart ? this.apart.get(name) : undefined
    const adapter = model === undefined ? undefined : name
    return { model: model ?? name, adapter, apart: isApart ? name : undefined }
  }

  /** A request comes in. */
  begin(facts: Omit<LiveRequestFacts, 'id' | 'arrivalMs'>, hashes: PromptHashes): Ticket {
    this.forgetBlocks()
    const id = this.freeIds.pop() ?? this.nextId++
    const arrivalMs = this.now()
    const { block_tokens } = this.config
    const request = new LiveRequest(
      { ...facts, id, arrivalMs },
      hashes,
      block_tokens,
      this.interner,
    )
    const ticket = new Ticket(request, this.algorithm)
    this.progress.begin(ticket)
    this.tickets.set(id, ticket)
    return ticket
  }

  /** Blocks that were not asked for in a long time give their ids to others, if it is time. */
  private forgetBlocks(): void {
    if (!this.interner.isFull) return
    const gone = this.interner.forget(chainedOf(this.tickets.values()))
    this.knowledgeOf.forgetBlocks(gone)
    this.tell(this.algorithm, 'onRunsForgotten', undefined, () =>
      this.algorithm.onRunsForgotten?.(gone),
    )
  }

  /**
   * Decides where a request goes, and counts it there. Workers that failed it before look unhealthy to it.
   *
   * @throws RouteSimError `router_failed` when the algorithm throws or breaks its contract
   */
  route(ticket: Ticket): Route {
    const { request, tried } = ticket
    const nowMs = this.now()
    for (const backend of this.backends) {
      this.columns.update(backend, nowMs, tried.has(backend))
    }
    ticket.algorithm = this.algorithm
    const view = this.viewFor(request)
    this.notebook?.begin(view.backends)
    const route = this.carryOut(ticket, this.askedFor(request, view), view)
    for (const backend of tried) this.refresh(backend)
    return route
  }

  /** Does what an algorithm decided about a request that it held. */
  release(ticket: Ticket, decision: RoutingDecision): Route {
    if (ticket.algorithm !== this.algorithm) return this.route(ticket)
    // It is its turn in this very instant: any later, and the algorithm takes it for missed.
    if (decision?.kind === 'hold' && decision.untilMs <= this.instant()) return this.route(ticket)
    for (const backend of this.backends) this.refresh(backend)
    const view = this.viewFor(ticket.request)
    this.notebook?.begin(view.backends)
    return this.carryOut(ticket, decision, view)
  }

  private carryOut(ticket: Ticket, decision: RoutingDecision, view: LiveCluster): Route {
    const { request } = ticket
    const nowMs = this.now()
    const route = routeOf(decision, this.algorithm.name, request.id)
    this.log(request, view, ticket.attempt, route)
    if (route.kind !== 'send') return route
    const { prefill, decode } = route
    ticket.attempt++
    this.progress.begin(ticket)
    ticket.decode = decode
    ticket.enter(prefill, true)
    prefill.breaker.sent(nowMs)
    this.knowledgeOf.sent(request, prefill.id, this.instant())
    this.refresh(prefill)
    this.tell(ticket.algorithm, 'onDispatched', request, () =>
      ticket.algorithm.onDispatched?.(request, prefill, view, decode),
    )
    return route
  }

  /** Keeps a decision with what the algorithm noted of it. */
  private log(request: LiveRequest, view: LiveCluster, attempt: number, route: Route): void {
    if (this.notebook === undefined) return
    const [backend, decode] = route.kind === 'send' ? [route.prefill.id, route.decode.id] : [-1, -1]
    const traces = this.notebook.traces({ backend, decode })
    this.decisions.add(request, view, this.now(), attempt, destinationOf(route), traces)
  }

  private viewFor({ servedName }: LiveRequest): LiveCluster {
    return servedName === undefined ? this.cluster : this.cluster.serving(servedName)
  }

  /** The first token of a request came, or its prompt is computed. */
  firstToken(ticket: Ticket): void {
    const { pendingAt: at, request, algorithm } = ticket
    if (at === undefined) return
    ticket.firstTokenMs = this.now()
    this.progress.firstToken(ticket)
    ticket.answered()
    this.refresh(at)
    this.tell(algorithm, 'onFirstToken', request, (cluster) =>
      algorithm.onFirstToken?.(request, at, cluster),
    )
  }

  /** A request goes on at a decode worker. */
  handOver(ticket: Ticket, decode: LiveBackend): void {
    const { request, algorithm } = ticket
    this.leave(ticket)
    ticket.enter(decode, false)
    decode.breaker.sent(this.now())
    this.refresh(decode)
    this.tell(algorithm, 'onHandedOver', request, (cluster) =>
      algorithm.onHandedOver?.(request, decode, cluster),
    )
  }

  /** A request is no longer at a worker: it ended, or is to be tried elsewhere. */
  left(ticket: Ticket, answer: AnswerFacts = NO_ANSWER): void {
    const { request, algorithm } = ticket
    const at = this.leave(ticket)
    if (at === undefined) return
    this.progress.end(ticket, answer.outputTokens)
    request.attempt = ticket.attempt
    const promptTokens = request.lengthTold(answer.promptTokens)
    const usage = {
      ...answer,
      promptTokens,
      // Where the length is an estimate, more than that may be cached.
      cachedTokens: Math.min(answer.cachedTokens, promptTokens),
      ttftMs: ticket.firstTokenMs - request.arrivalMs,
      e2eMs: this.now() - request.arrivalMs,
    }
    this.tell(algorithm, 'onFinished', request, (cluster) =>
      algorithm.onFinished?.(request, at, cluster, usage),
    )
  }

  /** A request that its algorithm holds is not sent any more. */
  abandoned({ request, algorithm }: Ticket): void {
    this.tell(algorithm, 'onAbandoned', request, (cluster) =>
      algorithm.onAbandoned?.(request, cluster),
    )
  }

  /** A request is over; its number may be given to another. */
  end(ticket: Ticket): void {
    this.left(ticket)
    const { id } = ticket.request
    this.tickets.delete(id)
    this.freeIds.push(id)
  }

  /** Decides for a request that is not sent from here: nothing is counted. */
  ask(ticket: Ticket): Route & { readonly matchedTokens?: number } {
    const { request } = ticket
    try {
      for (const backend of this.backends) this.refresh(backend)
      const view = this.viewFor(request)
      this.notebook?.begin(view.backends)
      const route = routeOf(this.askedFor(request, view), this.algorithm.name, request.id)
      this.log(request, view, 0, route)
      if (route.kind === 'hold') this.abandoned(ticket)
      if (route.kind !== 'send') return route
      return { ...route, matchedTokens: view.prefixMatch(request)[route.prefill.id]! }
    } finally {
      this.end(ticket)
    }
  }

  /** A worker's own figures were read. */
  sampled(backend: LiveBackend, sample: MetricsSample): void {
    backend.sample = sample
    backend.dispatchedSinceSample = 0
    // Algorithms hear of those alone that they may send requests to.
    if (!backend.isPresent) return
    this.refresh(backend)
    this.tell(this.algorithm, 'onMetrics', undefined, (cluster) =>
      this.algorithm.onMetrics?.(backend, cluster),
    )
  }

  /** A worker began or ceased to answer. */
  setUp(backend: LiveBackend, isUp: boolean): void {
    if (backend.isUp && !isUp) this.knowledgeOf.forget(backend.id)
    backend.isUp = isUp
    if (!backend.isPresent) return
    this.refresh(backend)
    this.changed(backend, isUp ? 'healthy' : 'unhealthy')
  }

  private changed(backend: LiveBackend, change: BackendChange): void {
    this.tell(this.algorithm, 'onBackendChange', undefined, (cluster) =>
      this.algorithm.onBackendChange?.(backend, change, cluster),
    )
  }

  private refuseMove(request: number): void {
    const { algorithm } = this
    if (this.saysMovesAreRefused) this.listener.onMoveRefused(algorithm.name)
    this.saysMovesAreRefused = false
    queueMicrotask(() => {
      const ticket = this.tickets.get(request)
      const at = ticket?.at
      if (ticket === undefined || at === undefined) return
      this.tell(algorithm, 'onMigrated', ticket.request, (cluster) =>
        algorithm.onMigrated?.(ticket.request, at, false, cluster),
      )
    })
  }

  /** An algorithm hears something; what it throws, or an async hook rejects with, is no fault of a request or a worker. */
  private tell(
    algorithm: RoutingAlgorithm,
    hook: keyof RoutingAlgorithm,
    request: LiveRequest | undefined,
    hear: (cluster: LiveCluster) => unknown,
  ): void {
    const failed = (cause: unknown): void =>
      this.listener.onFault(hookFailed(algorithm, hook, request, cause))
    try {
      const heard = hear(algorithm === this.algorithm ? this.cluster : this.aside)
      if (heard instanceof Promise) heard.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Asks the algorithm. @throws RouteSimError `router_failed` under its name when it throws */
  private askedFor(request: LiveRequest, view: LiveCluster): RoutingDecision {
    const { algorithm } = this
    try {
      return algorithm.route(request, view)
    } catch (cause) {
      throw hookFailed(algorithm, 'route', request, cause)
    }
  }

  /**
   * What a worker serves is known: requests for others pass it by.
   * @returns whether it is something else than before
   */
  setModels(backend: LiveBackend, served: readonly ServedModel[]): boolean {
    const isKnown = serveAlike(backend.served, served)
    backend.serve(served)
    if (isKnown) return false
    this.lookAtModels()
    this.cluster.forgetPools()
    this.aside.forgetPools()
    return true
  }

  private lookAtModels(): void {
    const models = this.backends.map(({ served }) => ({
      model: served?.flatMap((each) => (each.adapterOf === undefined ? each.name : [])).join(),
    }))
    this.isMixed = serveDifferently(models)
    const apart = this.backends.flatMap(({ served = [] }) => served.filter((each) => each.isApart))
    this.apart = new Map(apart.map(({ name, adapterOf }) => [name, adapterOf]))
  }

  /** Brings what algorithms see of a worker up to now. */
  refresh(backend: LiveBackend): void {
    this.columns.update(backend, this.now(), false)
  }

  private knowledgeFor(config: RouterConfig): KvKnowledge {
    const { kv_index, block_tokens, approximate_ttl_sec } = config
    if (kv_index === 'none') return new NoKnowledge()
    if (kv_index === 'approximate') {
      return new ApproximateKnowledge(block_tokens, approximate_ttl_sec * 1000)
    }
    const news = this.newsForAlgorithm()
    return new EventKnowledge(
      block_tokens,
      () => (this.hearsKvEvents ? news : undefined),
      (worker, blockTokens) => this.listener.onForeignBlocks(worker, blockTokens),
    )
  }

  /** Passes what is heard of caches on to the algorithm, block by block under the ids of prompts. */
  private newsForAlgorithm(): BlockNews {
    const tell = (worker: number, events: readonly KvEvent[]): void =>
      this.tell(this.algorithm, 'onKvEvents', undefined, (cluster) =>
        this.algorithm.onKvEvents?.(this.all[worker]!, events, cluster),
      )
    const named =
      (kind: 'stored' | 'removed') => (worker: number, blocks: readonly NewsBlock[]) => {
        const { block_tokens } = this.config
        this.forgetBlocks()
        const ids = this.interner.idsOf(blocks.map(({ chained }) => chained))
        tell(
          worker,
          blocks.map(({ endTokens }, i) => ({
            kind,
            id: ids[i]!,
            fromTokens: endTokens - block_tokens,
            toTokens: endTokens,
          })),
        )
      }
    return {
      stored: named('stored'),
      removed: named('removed'),
      cleared: (worker) => tell(worker, [{ kind: 'cleared' }]),
    }
  }

  /** A request counts nowhere. @returns where it counted */
  private leave(ticket: Ticket): LiveBackend | undefined {
    const at = ticket.leave()
    if (at !== undefined) this.refresh(at)
    return at
  }
}

function* chainedOf(tickets: Iterable<Ticket>): Generator<Float64Array> {
  for (const { request } of tickets) yield request.runHashes
}
