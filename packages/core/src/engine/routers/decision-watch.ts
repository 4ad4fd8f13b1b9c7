import type { KvUsage } from '../../kv-cache/kv-cache.js'
import type { BackendView } from '../../routing/cluster-view.js'
import type {
  BackendFacts,
  BackendKnowledge,
  DecisionRecord,
  ForcedDecision,
} from '../../routing/decision-trace.js'
import type { LiveSource } from '../../routing/live-views.js'
import {
  type DecodeDecision,
  disaggregate,
  prefillOn,
  type RoutingDecision,
} from '../../routing/routing-algorithm.js'
import type { Machinery } from '../machinery.js'
import type { SimulationOptions } from '../simulation-options.js'
import { DecisionNotebook } from './decision-notebook.js'
import type { RouterReplica } from './router-replica.js'

/** Tells every decision with all that was known and true at its instant, and forces one where asked. */
export class DecisionWatch {
  readonly notes: DecisionNotebook = new DecisionNotebook()
  /** Of what was let go, perhaps in the midst of a decision about another request. Nothing is noted there. */
  private readonly unscored = new DecisionNotebook()
  private readonly machinery: Machinery
  private readonly onDecision: ((decision: DecisionRecord) => void) | undefined
  private forced: ForcedDecision | undefined
  /** Times that a part of the decision about each request has been put off in its attempt. */
  private readonly turns = new Map<number, { readonly attempt: number; readonly turn: number }>()
  private matched = new Int32Array(0)

  constructor(options: SimulationOptions, machinery: Machinery) {
    this.machinery = machinery
    this.onDecision = options.onDecision
    this.forced = options.forcedDecision
  }

  /** Asks a router, and tells what it said. */
  route(replica: RouterReplica, request: number): RoutingDecision {
    const cluster = replica.clusterFor(request)
    this.notes.begin(cluster?.backends ?? [])
    const decision = this.isForced(request)
      ? this.force(replica, request, () => replica.route(request))
      : replica.route(request)
    this.tell(replica, request, decision, this.notes)
    return decision
  }

  /** The same of a request whose prompt is computed. */
  routeDecode(replica: RouterReplica, request: number, prefill: BackendView): DecodeDecision {
    this.notes.begin(replica.clusterFor(request)?.backends ?? [])
    this.notes.stage('decode')
    const ask = (): DecodeDecision => replica.routeDecode(request, prefill)
    const decision = this.isForced(request) ? this.force(replica, request, ask) : ask()
    this.tell(replica, request, decision, this.notes)
    return decision as DecodeDecision
  }

  /** A router lets a request go that it held. @returns where it goes */
  released(replica: RouterReplica, request: number, decision: RoutingDecision): RoutingDecision {
    this.unscored.begin(replica.clusterFor(request)?.backends ?? [])
    if (this.computedOn(request) >= 0) this.unscored.stage('decode')
    const carriedOut = this.isForced(request) ? this.override(replica, request, decision) : decision
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
      forced.turn <= this.turnOf(request)
    )
  }

  private turnOf(request: number): number {
    const { machinery, turns } = this
    const { attempt, turn } = turns.get(machinery.ordinalOf(request)) ?? noTurn
    return attempt === machinery.progress.attempts[request] ? turn : 0
  }

  /** The backend that has computed the prompt of a request of which nobody knows who decodes; -1 otherwise. */
  private computedOn(request: number): number {
    const { progress } = this.machinery
    if (!progress.awaitsDecode(request)) return -1
    return this.machinery.backendOf(progress.prefillBackend[request]!)
  }

  /** Asks while all other backends look full. */
  private force(
    replica: RouterReplica,
    request: number,
    ask: () => RoutingDecision,
  ): RoutingDecision {
    const { turn, backend, decode, random } = this.forced!
    const isLater = turn < this.turnOf(request)
    const column = replica.source.loads.maxQueueDepth as Float64Array
    const before = Float64Array.from(column)
    for (let id = 0; id < column.length; id++) {
      // Less than none waiting: full, where 0 would say that they are down.
      if (id !== backend && id !== decode && column[id]! > 0) column[id] = -1
    }
    let decision: RoutingDecision
    try {
      decision = this.override(replica, request, ask())
    } finally {
      column.set(before)
    }
    if (decision?.kind === 'hold' || isLater || random === undefined) return decision
    replica.cluster.random.restore(random)
    return decision
  }

  private override(
    { views }: RouterReplica,
    request: number,
    decision: RoutingDecision,
  ): RoutingDecision {
    if (decision?.kind === 'hold') return decision
    const { backend, decode } = this.forced!
    this.forced = undefined
    if (this.computedOn(request) >= 0) return views[decode]!
    if (decode < 0) return prefillOn(views[backend]!)
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
    const turn = this.turnOf(request)
    const attempt = machinery.progress.attempts[request]!
    if (decision?.kind === 'hold' || decision?.kind === 'prefill')
      turns.set(number, { attempt, turn: turn + 1 })
    else turns.delete(number)
    if (this.onDecision === undefined) return
    const computedOn = this.computedOn(request)
    const [backend, decode] = destination(decision, computedOn)
    this.onDecision({
      request: number,
      attempt,
      turn,
      atMs: machinery.clock.nowMs,
      router: replica.number,
      action: actionOf(decision, computedOn),
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

const noTurn = { attempt: 0, turn: 0 }

function actionOf(decision: RoutingDecision, computedOn: number): DecisionRecord['action'] {
  if (decision?.kind === 'backend') return computedOn >= 0 ? 'decode' : 'send'
  return decision?.kind ?? 'reject'
}

/** @param computedOn - the backend that has prefilled; -1 when none has */
function destination(decision: RoutingDecision, computedOn: number): [number, number] {
  if (decision?.kind === 'backend') return [computedOn >= 0 ? computedOn : decision.id, decision.id]
  if (decision?.kind === 'prefill') return [decision.prefill.id, -1]
  if (computedOn >= 0) return [computedOn, -1]
  if (decision?.kind === 'disaggregate') return [decision.prefill.id, decision.decode.id]
  return [-1, -1]
}
