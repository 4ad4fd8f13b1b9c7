import { pdPair } from '@routesim/algorithms'
import { RandomStream, RouteSimError, type RoutingAlgorithm } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { BlockHashes } from '../tokens/block-hashes.js'
import { BlockInterner } from '../tokens/block-interner.js'
import { DecisionLog } from './decision-log.js'
import {
  ApproximateKnowledge,
  EventKnowledge,
  type KvKnowledge,
  NoKnowledge,
} from './kv-knowledge.js'
import { LiveBackend, type MetricsSample } from './live-backend.js'
import { LiveCluster } from './live-cluster.js'
import { LiveRequest, type LiveRequestFacts } from './live-request.js'
import { LoadColumns } from './load-columns.js'
import type { RouterConfig } from './router-config.js'

/** Blocks that an online interner remembers: about 100 MB at most. */
const INTERNED_BLOCKS = 2 ** 20

/** Where a request goes. */
export type Route =
  | { readonly kind: 'send'; readonly prefill: LiveBackend; readonly decode: LiveBackend }
  | { readonly kind: 'reject'; readonly reason: string }

/** A request under way, and who decided about it. */
export interface Ticket {
  readonly request: LiveRequest
  /** Workers that have failed it. */
  readonly tried: Set<LiveBackend>
  attempt: number
  algorithm: RoutingAlgorithm
  /** Where it counts at present. */
  at: LiveBackend | undefined
  isPending: boolean
}

/** Makes a fresh routing algorithm. */
export type AlgorithmFactory = () => RoutingAlgorithm

/**
 * A router without a network: workers, what is known of them, and the routing algorithm, which sees the
 * same views as in a simulation. Time is handed in.
 */
export class RouterCore {
  readonly decisions: DecisionLog
  readonly now: () => number
  private config: RouterConfig
  private algorithm!: RoutingAlgorithm
  private cluster!: LiveCluster
  private columns!: LoadColumns
  private knowledgeOf!: KvKnowledge
  private all: LiveBackend[] = []
  private readonly random: RandomStream
  private readonly interner = new BlockInterner(INTERNED_BLOCKS)
  private readonly freeIds: number[] = []
  private nextId = 0

  /** @param now - in ms, from any start */
  constructor(config: RouterConfig, create: AlgorithmFactory, now: () => number) {
    this.config = config
    this.now = now
    this.random = new RandomStream(config.seed, 'router')
    this.decisions = new DecisionLog(config.decisions)
    this.knowledgeOf = knowledgeFor(config)
    this.reconfigure(config, create)
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
  get customMetrics(): Readonly<Record<string, number>> {
    return this.algorithm.customMetrics?.() ?? {}
  }

  /**
   * Takes over another config: workers with the same address and role stay what they are, the rest come and
   * go; the algorithm starts afresh. Requests under way are not touched.
   *
   * @returns the workers that are new, and those that are gone
   */
  reconfigure(
    config: RouterConfig,
    create: AlgorithmFactory,
  ): { added: readonly LiveBackend[]; removed: readonly LiveBackend[] } {
    const kept = new Set<LiveBackend>()
    const added: LiveBackend[] = []
    const columns = new LoadColumns(
      this.all.length + config.workers.length,
      config.metrics_interval_ms,
    )
    const known = this.all.filter(({ isRemoved }) => !isRemoved)
    for (const worker of config.workers) {
      const text = JSON.stringify(worker)
      const same = known.find((each) => !kept.has(each) && JSON.stringify(each.config) === text)
      const backend = same ?? new LiveBackend(this.all.length, worker, config, columns)
      if (same === undefined) {
        this.all.push(backend)
        added.push(backend)
      }
      backend.breaker.options = {
        failures: config.breaker_failures,
        openMs: config.breaker_open_ms,
      }
      kept.add(backend)
    }
    const removed = known.filter((backend) => !kept.has(backend))
    for (const backend of removed) {
      backend.isRemoved = true
      this.knowledgeOf.forget(backend.id)
    }
    this.config = config
    this.columns = columns
    for (const backend of this.all) backend.showIn(columns)
    this.cluster = new LiveCluster(
      this.all.filter(({ isRemoved }) => !isRemoved),
      { columns, random: this.random, knowledge: this.knowledgeOf, now: this.now },
    )
    const roles = new Set(config.workers.map(({ role }) => role))
    const isSplit = roles.has('prefill') || roles.has('decode')
    this.algorithm = isSplit ? pdPair(create(), create()) : create()
    for (const backend of this.backends) this.refresh(backend)
    return { added, removed }
  }

  /** A request comes in. */
  begin(facts: Omit<LiveRequestFacts, 'id' | 'arrivalMs'>, hashes: BlockHashes): Ticket {
    const id = this.freeIds.pop() ?? this.nextId++
    const arrivalMs = this.now()
    const { block_tokens } = this.config
    const request = new LiveRequest(
      { ...facts, id, arrivalMs },
      hashes,
      block_tokens,
      this.interner,
    )
    return {
      request,
      tried: new Set(),
      attempt: 0,
      algorithm: this.algorithm,
      at: undefined,
      isPending: false,
    }
  }

  /**
   * Decides where a request goes, and counts it there. Workers that failed it before look unhealthy to it.
   *
   * @throws RouteSimError `router_failed` when the algorithm breaks its contract
   */
  route(ticket: Ticket): Route {
    const { request, tried } = ticket
    const nowMs = this.now()
    for (const backend of this.backends) {
      this.columns.update(backend, nowMs, tried.has(backend))
    }
    ticket.algorithm = this.algorithm
    ticket.attempt++
    const { model } = request
    const view = model === undefined ? this.cluster : this.cluster.serving(model)
    const route = this.decide(request, view)
    const to =
      route.kind === 'reject'
        ? route.reason
        : route.prefill === route.decode
          ? [route.prefill.id]
          : [route.prefill.id, route.decode.id]
    this.decisions.add(request, view, nowMs, ticket.attempt, to)
    if (route.kind === 'send') {
      this.place(ticket, route.prefill, true)
      route.prefill.dispatched++
      route.prefill.dispatchedSinceSample++
      route.prefill.breaker.sent(nowMs)
      this.knowledgeOf.sent(request, route.prefill.id, nowMs)
      this.refresh(route.prefill)
      this.algorithm.onDispatched?.(request, route.prefill, view)
    }
    for (const backend of tried) this.refresh(backend)
    return route
  }

  /** The first token of a request came, or its prompt is computed. */
  firstToken(ticket: Ticket): void {
    const { at, request, algorithm } = ticket
    if (at === undefined || !ticket.isPending) return
    this.settlePending(ticket, at)
    this.refresh(at)
    algorithm.onFirstToken?.(request, at, this.cluster)
  }

  /** A request goes on at a decode worker. */
  handOver(ticket: Ticket, decode: LiveBackend): void {
    this.leave(ticket)
    this.place(ticket, decode, false)
    decode.dispatched++
    decode.dispatchedSinceSample++
    decode.breaker.sent(this.now())
    this.refresh(decode)
  }

  /** A request is no longer at a worker: it ended, or is to be tried elsewhere. */
  left(ticket: Ticket): void {
    const { at, request, algorithm } = ticket
    if (at === undefined) return
    this.leave(ticket)
    algorithm.onFinished?.(request, at, this.cluster)
  }

  /** A request is over; its number may be given to another. */
  end(ticket: Ticket): void {
    this.left(ticket)
    this.freeIds.push(ticket.request.id)
  }

  /** Decides for a request that is not sent from here: nothing is counted. */
  ask(ticket: Ticket): Route & { readonly matchedTokens?: number } {
    const { request } = ticket
    for (const backend of this.backends) this.refresh(backend)
    const { model } = request
    const view = model === undefined ? this.cluster : this.cluster.serving(model)
    const route = this.decide(request, view)
    const to = route.kind === 'reject' ? route.reason : [route.prefill.id]
    this.decisions.add(request, view, this.now(), 1, to)
    this.freeIds.push(request.id)
    if (route.kind === 'reject') return route
    return { ...route, matchedTokens: view.prefixMatch(request)[route.prefill.id]! }
  }

  /** A worker's own figures were read. */
  sampled(backend: LiveBackend, sample: MetricsSample): void {
    backend.sample = sample
    backend.dispatchedSinceSample = 0
    this.refresh(backend)
  }

  /** A worker began or ceased to answer. */
  setUp(backend: LiveBackend, isUp: boolean): void {
    if (backend.isUp && !isUp) this.knowledgeOf.forget(backend.id)
    backend.isUp = isUp
    this.refresh(backend)
  }

  /** A worker's model is known: requests for others pass it by. */
  setModel(backend: LiveBackend, model: string): void {
    if (backend.model === model) return
    backend.model = model
    this.cluster.forgetPools()
  }

  /** Brings what algorithms see of a worker up to now. */
  refresh(backend: LiveBackend): void {
    this.columns.update(backend, this.now(), false)
  }

  private decide(request: LiveRequest, view: LiveCluster): Route {
    const decision = this.algorithm.route(request, view)
    if (decision?.kind === 'reject') return decision
    const [prefill, decode] =
      decision?.kind === 'disaggregate' ? [decision.prefill, decision.decode] : [decision, decision]
    if (prefill instanceof LiveBackend && decode instanceof LiveBackend) {
      return { kind: 'send', prefill, decode }
    }
    throw new RouteSimError<LiveErrorCode>(
      `router "${this.algorithm.name}": expected a backend of the cluster, a pair of them or a rejection`,
      { code: 'router_failed' },
    )
  }

  private place(ticket: Ticket, backend: LiveBackend, isPending: boolean): void {
    const { promptTokens, maxTokens } = ticket.request
    ticket.at = backend
    ticket.isPending = isPending
    backend.inFlight++
    backend.heldTokens += promptTokens + maxTokens
    if (!isPending) return
    backend.beforeFirstToken++
    backend.pendingTokens += promptTokens
  }

  private leave(ticket: Ticket): void {
    const { at } = ticket
    if (at === undefined) return
    if (ticket.isPending) this.settlePending(ticket, at)
    at.inFlight--
    at.heldTokens -= ticket.request.promptTokens + ticket.request.maxTokens
    ticket.at = undefined
    this.refresh(at)
  }

  private settlePending(ticket: Ticket, at: LiveBackend): void {
    ticket.isPending = false
    at.beforeFirstToken--
    at.pendingTokens -= ticket.request.promptTokens
  }
}

function knowledgeFor(config: RouterConfig): KvKnowledge {
  if (config.kv_index === 'events') return new EventKnowledge(config.block_tokens)
  if (config.kv_index === 'none') return new NoKnowledge()
  return new ApproximateKnowledge(config.approximate_ttl_sec * 1000)
}
