import type { PromptRuns } from '../../requests/prompt-runs.js'
import { BelievedPrefixes } from '../../routing/believed-prefixes.js'
import { SentPrefixes } from '../../routing/sent-prefixes.js'
import { isExact, tellsKvEvents, type Visibility } from '../../routing/visibility.js'
import type { Machinery } from '../machinery.js'
import { ReplicaSplit } from '../routers/replica-split.js'
import type { RouterReplica } from '../routers/router-replica.js'
import type { SimulationOptions } from '../simulation-options.js'
import { KvFeed } from './kv-feed.js'
import { MetricsFeed } from './metrics-feed.js'
import { TokenEstimates } from './token-estimates.js'
import { VisibleSource } from './visible-source.js'

/** All that stands between the backends and what routers see of them. */
export class Deliveries {
  /** What each router sees. */
  readonly sources: readonly VisibleSource[]
  /** Lengths of prompts as routers see them, by row. */
  readonly promptTokens: Int32Array
  /** Undefined when routers do not poll metrics. */
  metrics: MetricsFeed | undefined
  /** Undefined when there are no KV events. */
  kv: KvFeed | undefined
  private readonly visibility: Visibility
  private readonly machinery: Machinery
  private readonly seed: number
  private readonly beliefs: readonly BelievedPrefixes[]
  private readonly estimates: TokenEstimates | undefined
  private readonly split: ReplicaSplit | undefined
  private readonly promptRuns: () => PromptRuns
  private pendingSyncs = 0
  private firstMs = 0
  /** Times that routers were due to tell each other so far. */
  private syncs = 0

  constructor(
    visibility: Visibility,
    seed: number,
    machinery: Machinery,
    promptRuns: () => PromptRuns,
  ) {
    this.visibility = visibility
    this.machinery = machinery
    this.seed = seed
    this.promptRuns = promptRuns
    const { requests, specs, truth, ranks } = machinery
    const { routers, prefixes, tokenError } = visibility
    const isMany = routers.replicas > 1
    if (isMany) this.split = new ReplicaSplit(requests, routers.replicas, routers.split, seed)
    if (tokenError > 0) this.estimates = new TokenEstimates(requests, tokenError, seed)
    this.promptTokens = this.estimates?.promptTokens ?? requests.promptTokens
    const { promptTokens } = this
    const kvTokens = new Float64Array(truth.loads.waiting.length)
    specs.forEach(({ kv }, rank) => {
      const backend = machinery.backendOf(rank)
      kvTokens[backend] = kvTokens[backend]! + kv.blocks * kv.blockTokens
    })
    const blockTokens = Int32Array.from(specs, ({ kv }) => kv.blockTokens)
    const each = Array.from({ length: routers.replicas })
    this.beliefs = tellsKvEvents(prefixes)
      ? each.map(() => new BelievedPrefixes(requests, blockTokens))
      : []
    const { clock } = truth
    const ofBackends = Int32Array.from(
      kvTokens,
      (_, backend) => blockTokens[machinery.ranksOf(backend)[0]]!,
    )
    this.sources = each.map((_, i) => {
      const sent =
        typeof prefixes !== 'string' && 'ttlMs' in prefixes
          ? new SentPrefixes({
              clock,
              requests,
              runs: promptRuns,
              blockTokens: ofBackends,
              ttlMs: prefixes.ttlMs,
            })
          : undefined
      return new VisibleSource({
        visibility,
        truth,
        promptTokens,
        maxTokens: requests.maxTokens,
        kvTokens,
        belief: this.beliefs[i],
        sent,
        ranks,
      })
    })
  }

  /** Events yet to come that go on for ever. */
  get pendingEvents(): number {
    return (this.metrics?.pendingEvents ?? 0) + this.pendingSyncs
  }

  /** The routers are there. @throws RouteSimError `options_invalid` */
  open(replicas: readonly RouterReplica[]): void {
    const { visibility, machinery, sources, seed } = this
    const { metrics, prefixes } = visibility
    if (typeof metrics !== 'string')
      this.metrics = new MetricsFeed(metrics, machinery, replicas, sources, seed)
    if (tellsKvEvents(prefixes))
      this.kv = new KvFeed(prefixes, machinery, replicas, this.beliefs, seed, this.promptRuns)
  }

  /** The run begins with the first arrival. */
  start(firstMs: number): void {
    this.metrics?.start(firstMs)
    this.firstMs = firstMs
    if (this.visibility.routers.syncMs > 0 && this.sources.length > 1) this.scheduleSync()
  }

  /** A request arrives. */
  arrived(request: number): void {
    this.estimates?.arrived(request)
    this.split?.arrived(request)
  }

  /** Which router a request goes to. */
  replicaOf(request: number): number {
    return this.split?.of(request) ?? 0
  }

  /** How long a router works on a request before it decides, in ms. */
  decisionMs(request: number): number {
    const { fixedMs, perTokenMs } = this.visibility.decision
    return fixedMs + perTokenMs * this.machinery.requests.promptTokens[request]!
  }

  /** Routers tell each other what they have under way. */
  sync(): void {
    this.pendingSyncs--
    if (this.machinery.isOver) return
    for (const source of this.sources) source.hear(this.sources)
    this.scheduleSync()
  }

  private scheduleSync(): void {
    const { loop, clock, subjects } = this.machinery
    const dueMs = this.firstMs + ++this.syncs * this.visibility.routers.syncMs
    this.pendingSyncs++
    loop.schedule(Math.max(dueMs, clock.nowMs), subjects.replicasSynced)
  }
}

/** @returns undefined when routers see everything at once */
export function deliveriesFor(
  { visibility, seed }: SimulationOptions,
  machinery: Machinery,
  promptRuns: () => PromptRuns,
): Deliveries | undefined {
  if (visibility === undefined || isExact(visibility)) return undefined
  return new Deliveries(visibility, seed, machinery, promptRuns)
}
