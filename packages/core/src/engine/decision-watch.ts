import type { KvUsage } from '../kv-cache/kv-cache.js'
import type {
  BackendFacts,
  BackendKnowledge,
  DecisionRecord,
  ForcedDecision,
} from '../routing/decision-trace.js'
import type { LiveSource } from '../routing/live-views.js'
import { disaggregate, type RoutingDecision } from '../routing/routing-algorithm.js'
import { DecisionNotebook } from './decision-notebook.js'
import type { Machinery } from './machinery.js'
import type { RouterReplica } from './router-replica.js'
import type { SimulationOptions } from './simulation-options.js'

/** Tells every decision with all that was known and true at its instant, and forces one where asked. */
export class DecisionWatch {
  readonly notes: DecisionNotebook = new DecisionNotebook()
  /** Of what was let go, perhaps in the midst of a decision about another request. Nothing is noted there. */
  private readonly unscored = new DecisionNotebook()
  private readonly machinery: Machinery
  private readonly onDecision: ((decision: DecisionRecord) => void) | undefined
  private forced: ForcedDecision | undefined
  /** Times that each request which is held now has been held in its attempt. */
  private readonly turns = new Map<number, number>()
  private matched = new Int32Array(0)

  constructor(options: SimulationOptions, machinery: Machinery) {
    this.machinery = machinery
    this.onDecision = options.onDecision
    this.forced = options.forcedDecision
  }

  /** Asks a router, and tells what it said. */
  route(replica: RouterReplica, request: number): RoutingDecision {
    const cluster = replica.clusterFor(request)
    this.notes.begin(cluster?.ids ?? [])
    const decision = this.isForced(request) ? this.force(replica, request) : replica.route(request)
    this.tell(replica, request, decision, this.notes)
    return decision
  }

  /** A router lets a request go that it held. @returns where it goes */
  released(replica: RouterReplica, request: number, decision: RoutingDecision): RoutingDecision {
    this.unscored.begin(replica.clusterFor(request)?.ids ?? [])
    const carriedOut = this.isForced(request) ? this.override(replica, decision) : decision
    this.tell(replica, request, carriedOut, this.unscored)
    return carriedOut
  }

  private isForced(request: number): boolean {
    const { forced, machinery } = this
    return (
      forced !== undefined &&
      forced.request === machinery.ordinalOf(request) &&
      forced.attempt === machinery.progress.attempts[request] &&
      // What the router held even so goes there when it lets it go.
      forced.turn <= (this.turns.get(forced.request) ?? 0)
    )
  }

  /** Asks while all other backends look full. */
  private force(replica: RouterReplica, request: number): RoutingDecision {
    const { request: number, turn, backend, decode, random } = this.forced!
    const isLater = turn < (this.turns.get(number) ?? 0)
    const column = replica.source.loads.maxQueueDepth as Float64Array
    const before = Float64Array.from(column)
    for (let id = 0; id < column.length; id++) {
      // Less than none waiting: full, where 0 would say that they are down.
      if (id !== backend && id !== decode && column[id]! > 0) column[id] = -1
    }
    let decision: RoutingDecision
    try {
      decision = this.override(replica, replica.route(request))
    } finally {
      column.set(before)
    }
    if (decision?.kind === 'hold' || isLater || random === undefined) return decision
    replica.cluster.random.restore(random)
    return decision
  }

  private override({ views }: RouterReplica, decision: RoutingDecision): RoutingDecision {
    if (decision?.kind === 'hold') return decision
    const { backend, decode } = this.forced!
    this.forced = undefined
    return backend === decode ? views[backend]! : disaggregate(views[backend]!, views[decode]!)
  }

  private tell(
    replica: RouterReplica,
    request: number,
    decision: RoutingDecision,
    notes: DecisionNotebook,
  ): void {
    const { machinery, turns } = this
    const number = machinery.ordinalOf(request)
    const turn = turns.get(number) ?? 0
    if (decision?.kind === 'hold') turns.set(number, turn + 1)
    else turns.delete(number)
    if (this.onDecision === undefined) return
    const [backend, decode] = destination(decision)
    this.onDecision({
      request: number,
      attempt: machinery.progress.attempts[request]!,
      turn,
      atMs: machinery.clock.nowMs,
      router: replica.number,
      action: decision?.kind === 'backend' ? 'send' : (decision?.kind ?? 'reject'),
      backend,
      decode,
      ...(decision?.kind === 'reject' && { reason: decision.reason }),
      isRelease: notes === this.unscored,
      traces: notes.traces({ backend, decode }),
      backends: this.knowledge(replica, request),
      random: replica.cluster.random.state(),
    })
  }

  private knowledge(replica: RouterReplica, request: number): BackendKnowledge[] {
    const { machinery } = this
    const ids = replica.clusterFor(request)?.ids ?? new Int32Array(0)
    const believed = this.facts(replica.source, ids, request)
    const actual = this.facts(machinery.truth, ids, request)
    return Array.from(ids, (backend, i) => ({
      backend,
      believed: { ...believed[i]!, metricsAgeMs: replica.views[backend]!.metricsAgeMs },
      actual: {
        ...actual[i]!,
        // What routers see of health may be late.
        available:
          machinery.isDown[backend] === 0 &&
          actual[i]!.waiting < replica.views[backend]!.maxQueueDepth,
      },
    }))
  }

  private facts(source: LiveSource, ids: Int32Array, request: number): BackendFacts[] {
    const { fleet, kv, loads } = source
    const size = loads.waiting.length
    if (this.matched.length !== size) this.matched = new Int32Array(size)
    fleet.syncMatches(request)
    kv.match(request, this.matched)
    const usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    return Array.from(ids, (id) => {
      fleet.sync(id)
      kv.usage(id, usage)
      return {
        available: loads.waiting[id]! < loads.maxQueueDepth[id]!,
        waiting: loads.waiting[id]!,
        running: loads.running[id]!,
        outstanding: loads.outstanding[id]!,
        pendingPromptTokens: loads.pendingPromptTokens[id]!,
        kvUsage: usage.held / usage.total,
        cachedTokens: this.matched[id]!,
      }
    })
  }
}

function destination(decision: RoutingDecision): [number, number] {
  if (decision?.kind === 'backend') return [decision.id, decision.id]
  if (decision?.kind === 'disaggregate') return [decision.prefill.id, decision.decode.id]
  return [-1, -1]
}
