import { BackendLoads } from '../backend/backend-loads.js'
import { CancellingFleet } from '../backend/fast/cancelling-fleet.js'
import { FastFleet } from '../backend/fast/fast-fleet.js'
import { hasPolicies, PolicyFleet } from '../backend/fast/policy-fleet.js'
import type {
  FallibleFleet,
  Fleet,
  FleetContext,
  FleetFront,
  FleetListener,
} from '../backend/fleet.js'
import { hasTiers } from '../backend/kv-loads.js'
import { localPoliciesOf } from '../backend/queues/checked-policy.js'
import { ReferenceFleet } from '../backend/reference/reference-fleet.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { Clock } from '../kernel/clock.js'
import { EventLoop } from '../kernel/event-loop.js'
import {
  type BulkKvCache,
  isRenewable,
  type KvCache,
  type KvCacheView,
} from '../kv-cache/kv-cache.js'
import { EMPTY_STEP, type StepShape } from '../latency/latency-model.js'
import type { AnyEventLoop } from '../native/native-loop.js'
import { type NativeRun, nativeRunFor } from '../native/native-run.js'
import { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import { RequestWindow } from '../requests/request-window.js'
import type { AdapterState } from '../routing/cluster-view.js'
import type { LiveSource } from '../routing/live-views.js'
import { tellsKvEvents } from '../routing/visibility.js'
import { EventSubjects } from './event-subjects.js'
import { slowedBackends } from './failures/backend-event.js'
import { SlowableLatency } from './failures/slowable-latency.js'
import { HandOver } from './hand-over.js'
import { KvTransfers } from './kv-transfers.js'
import { MemoryDeadlocks } from './memory-deadlocks.js'
import { PromptsTogether } from './prompts-together.js'
import { type RankedSource, RankTable } from './results/rank-table.js'
import { TokenGaps } from './results/token-gaps.js'
import type { BackendSpec, SimulationOptions } from './simulation-options.js'

/** What a run is built of: time, requests, KV caches, and the fleet that works on them. */
export class Machinery {
  readonly requests: RequestTable
  /** Only when requests come from a source. */
  readonly window: RequestWindow | undefined
  /** The backends, or the ranks of all of them where one has several. */
  readonly specs: readonly BackendSpec[]
  readonly ranks: RankTable | undefined
  readonly loop: AnyEventLoop
  /** What keeps time, backends and KV caches in a run that the native engine can simulate. */
  readonly native: NativeRun | undefined
  readonly clock: Clock
  readonly subjects: EventSubjects
  private readonly tellsKvEvents: boolean
  /** True when all requests have ended, or nothing can come any more: nobody starts anything then. */
  isOver = false
  readonly kv: KvCacheView
  /** The same as the engine uses them, where it does not keep them itself. */
  readonly caches: KvCache | undefined
  readonly progress: RequestProgress
  readonly loads: BackendLoads
  readonly gaps: TokenGaps
  readonly fleet: FleetFront
  /** The same as the engine steps it; absent where the native engine does. */
  readonly stepped: Fleet | undefined
  /** The same fleet, in a run in which backends fail or requests are called off. */
  readonly fallible: FallibleFleet | undefined
  /** By backend: 1 while it takes no requests; and its latency model if it slows down at some time. */
  readonly isDown: Uint8Array
  readonly slowable: readonly (SlowableLatency | undefined)[]
  /** What one rank of a step computes, and what all do. */
  private readonly step: StepShape = { ...EMPTY_STEP }
  private readonly all: StepShape = { ...EMPTY_STEP }
  /** KV caches on their way from one backend to another. */
  readonly transfers: KvTransfers
  /** Only where backends can wait for each other's memory. */
  readonly deadlocks: MemoryDeadlocks | undefined
  /** What is true of the backends right now. */
  readonly truth: LiveSource
  private readonly rankedSource: RankedSource | undefined
  /** Only where prompts of ranks begin together. */
  readonly promptsTogether: PromptsTogether | undefined
  private readonly holdsPrompts: Uint8Array

  /** @throws RouteSimError `options_invalid` */
  constructor(options: SimulationOptions, listener: FleetListener) {
    const { cluster, warmupRequests = 0, recorder = {} } = options
    const slowed = slowedBackends(options.events ?? [])
    this.slowable = cluster.backends.map(({ latency }, id) =>
      slowed.has(id) ? new SlowableLatency(latency) : undefined,
    )
    const backends = cluster.backends.map((spec, id) => {
      const latency = this.slowable[id]
      return latency === undefined ? spec : { ...spec, latency }
    })
    this.isDown = new Uint8Array(backends.length)
    this.window = windowOf(options)
    this.requests = this.window?.table ?? (options.requests as RequestTable)
    const { requests } = this
    this.ranks = backends.some(({ dp = 1 }) => dp > 1) ? new RankTable(backends) : undefined
    this.specs = this.ranks?.specs ?? backends
    const { specs } = this
    this.tellsKvEvents = tellsKvEvents(options.visibility?.prefixes ?? 'live')
    const isFallible = needsFallibleFleet(options)
    const isPlain = !this.window && !this.ranks && !this.tellsKvEvents && !isFallible
    const policies = localPoliciesOf(specs, options.seed)
    const native = isPlain ? nativeRunFor(options, requests, policies, listener) : undefined
    this.native = native
    this.loop =
      native?.loop ?? new EventLoop(specs.length, this.window?.entryTimes ?? requests.arrivalMs)
    this.clock = this.loop.clock
    this.subjects = new EventSubjects(options.requests.size)
    const caches =
      native === undefined
        ? cluster.kvCache(
            requests,
            specs.map(({ kv }) => kv),
          )
        : undefined
    if (this.window !== undefined && !isRenewable(caches!)) throw notRenewable()
    this.kv = native?.kv ?? caches!
    this.caches = caches
    this.progress = new RequestProgress(
      requests.size,
      specs.some(({ preemption }) => preemption === 'swap'),
      specs.some(hasTiers),
      specs.some(({ role }) => role === 'decode'),
      native?.columns,
    )
    this.loads = new BackendLoads(
      Float64Array.from(specs, ({ maxQueueDepth }) => maxQueueDepth),
      native?.columns,
    )
    this.gaps = new TokenGaps(recorder)
    this.holdsPrompts = new Uint8Array(specs.length)
    const context: FleetContext = {
      clock: this.clock,
      endMs: this.loop.alarmMs,
      specs,
      requests,
      progress: this.progress,
      kv: caches!,
      loads: this.loads,
      listener,
      recorder: this.ranks?.recorder(recorder) ?? recorder,
      gaps: this.gaps,
      measuredFrom: warmupRequests,
      policies,
      tellsKvEvents: this.tellsKvEvents,
      holdsPrompts: this.holdsPrompts,
    }
    this.fallible = isFallible ? fallibleFleetOf(context, caches!) : undefined
    if (native === undefined) this.stepped = this.fallible ?? fleetOf(context, caches!)
    this.fleet = native?.fleet ?? this.stepped!
    const { clock, fleet, kv, loads } = this
    if (specs.some((spec) => spec.promptsTogether !== undefined))
      this.promptsTogether = new PromptsTogether({
        specs,
        fleet: this.stepped!,
        running: loads.running,
      })
    const handOver = new HandOver(specs, cluster.kvTransfer, this.progress)
    this.transfers = new KvTransfers(this, handOver, backends.length)
    const mayWait = mayMigrate(options.router) || specs.some(({ role }) => role === 'both')
    if (handOver.canTransfer && mayWait) this.deadlocks = new MemoryDeadlocks(this)
    const { deadlocks } = this
    if (native !== undefined && deadlocks !== undefined) native.onIdle = (id) => deadlocks.idles(id)
    this.rankedSource = this.ranks?.source(fleet, kv, loads, clock)
    const adapters = (backend: number): AdapterState | undefined => fleet.adapterState(backend)
    this.truth = this.rankedSource ?? { fleet, loads, kv, clock, adapters }
  }

  /** Brings {@link truth} up to now, where it is not kept so. */
  refresh(): void {
    this.rankedSource?.refresh()
  }

  /** The backend that a rank belongs to. */
  backendOf(rank: number): number {
    return this.ranks === undefined ? rank : this.ranks.backendOf(rank)
  }

  /** What an event calls a request: less than the number of all requests. */
  ticketOf(request: number): number {
    return this.window?.ticketOf(request) ?? request
  }

  requestOf(ticket: number): number {
    return this.window?.redeem(ticket) ?? ticket
  }

  /** The same for an event that may be out of date when it comes. */
  ordinalOf(request: number): number {
    return this.window?.ordinalOf(request) ?? request
  }

  /** Ranks of a backend: the first, and the one after the last. */
  ranksOf(backend: number): readonly [number, number] {
    const { ranks } = this
    return ranks === undefined
      ? [backend, backend + 1]
      : [ranks.firstRank(backend), ranks.firstRank(backend + 1)]
  }

  /** Forgets an event of a request. @param range - of {@link subjects} @returns false when there is none */
  cancel(range: number, request: number): boolean {
    const ordinal = this.ordinalOf(request)
    if (!this.loop.cancel(range + ordinal)) return false
    this.requestOf(ordinal)
    return true
  }

  /** The blocks that a request lacked have come from lower tiers of its backend. */
  loadCompleted(request: number): void {
    const backend = this.progress.loadingOn[request]!
    this.stepped!.loadCompleted(backend, request)
    this.touch(backend)
  }

  /** A rank's step may have come to end at another time, or have ended. */
  alarmMoved(id: number): void {
    const { loop } = this
    if (loop.alarmMs[id]! < Number.POSITIVE_INFINITY) loop.alarmChanged(id)
    else loop.alarmCleared(id)
  }

  /** A backend may start a step. */
  settle(id: number): void {
    const { loop } = this
    const fleet = this.stepped!
    if (this.ranks?.isInLockstep(id) === true) {
      this.settleTogether(this.ranks, id)
      return
    }
    fleet.startStep(id)
    if (loop.alarmMs[id]! < Number.POSITIVE_INFINITY) loop.alarmChanged(id)
    else this.deadlocks?.idles(id)
    // What the step takes from the cache is told when it is taken, not when somebody looks.
    if (this.tellsKvEvents) fleet.sync(id)
  }

  /** Starts a step on all ranks of a backend, once none is in one. */
  private settleTogether(ranks: RankTable, id: number): void {
    const { loop } = this
    const fleet = this.stepped!
    const backend = ranks.backendOf(id)
    const from = ranks.firstRank(backend)
    const to = ranks.firstRank(backend + 1)
    const { alarmMs } = loop
    for (let rank = from; rank < to; rank++) if (alarmMs[rank]! < Number.POSITIVE_INFINITY) return
    if (this.promptsTogether !== undefined)
      this.holdsPrompts.fill(this.promptsTogether.holds(from, to) ? 1 : 0, from, to)
    for (let rank = from; rank < to; rank++) {
      fleet.startStep(rank)
      if (this.tellsKvEvents) fleet.sync(rank)
      if (alarmMs[rank] === Number.POSITIVE_INFINITY) this.deadlocks?.idles(rank)
    }
    const endMs = this.endTogether(from, to)
    for (let rank = from; rank < to; rank++) {
      if (alarmMs[rank] === Number.POSITIVE_INFINITY) continue
      fleet.prolong(rank, endMs)
      loop.alarmChanged(rank)
    }
  }

  /** When a step that ranks have started together ends: that of the slowest, with what they share. */
  private endTogether(from: number, to: number): number {
    const { specs, step, all } = this
    const fleet = this.stepped!
    const { alarmMs } = this.loop
    const isUnderWay = (rank: number): boolean => alarmMs[rank]! < Number.POSITIVE_INFINITY
    const { latency } = specs[from]!
    let endMs = 0
    if (latency.sharedMs === undefined) {
      for (let rank = from; rank < to; rank++)
        if (isUnderWay(rank)) endMs = Math.max(endMs, alarmMs[rank]!)
      return endMs
    }
    Object.assign(all, EMPTY_STEP)
    for (let rank = from; rank < to; rank++) {
      if (!isUnderWay(rank)) continue
      fleet.shapeOf(rank, step)
      addStep(all, step)
    }
    for (let rank = from; rank < to; rank++) {
      if (!isUnderWay(rank)) continue
      fleet.shapeOf(rank, step)
      endMs = Math.max(endMs, alarmMs[rank]! + latency.sharedMs(step, all))
    }
    return endMs
  }

  /** Lets a backend schedule at the end of this instant, or after the step that is under way. */
  touch(id: number): void {
    const { loop, native } = this
    const dueMs = loop.alarmMs[id]!
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.deadlocks?.touched(id)
      loop.settleLater(id)
      return
    }
    if (native !== undefined) {
      native.engine.touch(id)
      return
    }
    this.stepped!.interrupt(id)
    if (loop.alarmMs[id]! < dueMs) loop.alarmChanged(id)
  }
}

function addStep(sum: StepShape, step: StepShape): void {
  sum.prefillTokens += step.prefillTokens
  sum.prefillRequests += step.prefillRequests
  sum.prefillAttentionPairs += step.prefillAttentionPairs
  sum.decodeRequests += step.decodeRequests
  sum.decodeContextTokens += step.decodeContextTokens
  sum.decodeSharedTokens = (sum.decodeSharedTokens ?? 0) + (step.decodeSharedTokens ?? 0)
}

/** Whether a run needs a fleet whose backends may fail, or whose requests may be called off or moved. */
function needsFallibleFleet({ events = [], timeoutMs, router }: SimulationOptions): boolean {
  return events.length > 0 || timeoutMs !== undefined || mayMigrate(router)
}

/** Whether routers may move requests. */
export function mayMigrate(router: SimulationOptions['router']): boolean {
  return [router].flat().some(({ migrates }) => migrates === true)
}

/** The fastest stepper that these caches and backends allow. */
function fleetOf(context: FleetContext, kv: KvCache): Fleet {
  if (!isBulk(kv)) return new ReferenceFleet(context)
  return context.specs.some(hasPolicies) ? new PolicyFleet(context, kv) : new FastFleet(context, kv)
}

/** The same for backends that may fail. */
function fallibleFleetOf(context: FleetContext, kv: KvCache): FallibleFleet {
  return isBulk(kv) ? new CancellingFleet(context, kv) : new ReferenceFleet(context)
}

function notRenewable(): RouteSimError {
  return new RouteSimError(
    'requests: expected a table, as these KV caches can not give a row to another request; got a source',
    { code: 'options_invalid', path: 'requests', hint: 'Use radixKvCache().' },
  )
}

function isBulk(kv: KvCache): kv is BulkKvCache {
  return 'take' in kv
}

/** Requests that a run without per-request results has under way at most, however large its queues. */
const MOST_UNDER_WAY = 2 ** 18

/**
 * Rows for requests that are in no queue, and that nothing limits: those that routers hold or work on, that wait to
 * be decoded, or to be sent again. They take some 10 MB.
 */
const ELSEWHERE = 2 ** 16

/** Rows for the requests of a source: as many as queues and batches of the fleet have room for, and some more. */
function windowOf({
  cluster,
  requests,
  warmupRequests = 0,
}: SimulationOptions): RequestWindow | undefined {
  if (!('next' in requests)) return undefined
  const room = cluster.backends.reduce(
    (sum, b) => sum + b.maxQueueDepth + b.maxNumSeqs * (b.dp ?? 1),
    ELSEWHERE,
  )
  return new RequestWindow(requests, Math.min(room, MOST_UNDER_WAY), warmupRequests)
}
