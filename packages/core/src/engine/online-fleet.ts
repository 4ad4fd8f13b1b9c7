import { BackendLoads } from '../backend/backend-loads.js'
import type { BackendCounters } from '../backend/backend-meters.js'
import { lengthLimit } from '../backend/engine-policies.js'
import type { FleetListener } from '../backend/fleet.js'
import { localPoliciesOf } from '../backend/queues/checked-policy.js'
import { ReferenceFleet } from '../backend/reference/reference-fleet.js'
import { RouteSimError } from '../errors/routesim-error.js'
import { Alarms } from '../kernel/alarms.js'
import { Clock } from '../kernel/clock.js'
import { EventQueue } from '../kernel/event-queue.js'
import { isRenewable, type KvUsage, type RenewableKvCache } from '../kv-cache/kv-cache.js'
import { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import { emptyWindow } from '../requests/request-window.js'
import type { BackendColumns } from '../routing/cluster-view.js'
import { checkCluster } from './check-cluster.js'
import { HandOver } from './hand-over.js'
import { checkInteger, MOST_IN_COLUMN } from './option-checks.js'
import { TokenGaps } from './results/token-gaps.js'
import type { BackendSpec, ClusterSpec } from './simulation-options.js'

const NONE = -1

/**
 * What the backends of an {@link OnlineFleet} tell of a step, or a KV cache that has come, when it is over. A
 * listener may submit and cancel requests: the next step has begun without them.
 */
export interface OnlineListener {
  /** The request of a row has so many output tokens now. */
  tokensProduced(row: number, tokens: number): void
  /** The request of a row has all its output tokens; the row may be given to another. */
  requestFinished(row: number): void
}

/** What an {@link OnlineFleet} is made of. */
export interface OnlineFleetOptions {
  /**
   * Each backend is one scheduler: `dp` and `lockstep` do not count, nor what ranks do together. KV caches have no
   * tiers below them, as contents have names only while they are cached, and can give a row to another request.
   */
  readonly cluster: ClusterSpec
  /** Requests under way at most. */
  readonly rows: number
  readonly listener: OnlineListener
}

/**
 * The backends of a simulation for requests that are not known in advance: whoever owns a clock submits
 * them one by one to a backend and lets time pass. Steps begin where those before ended, whenever
 * {@link advance} is called: a late caller hears late of what happened, but it happened in time.
 *
 * @example
 * fleet.requests.promptTokens[row] = 512
 * fleet.submit(row, 0, clock.nowMs)
 * fleet.advance(clock.nowMs)
 */
export class OnlineFleet {
  /** Rows for requests under way: write every column of a row before it is submitted. */
  readonly requests: RequestTable
  private readonly clock = new Clock()
  private readonly progress: RequestProgress
  private readonly loadColumns: BackendLoads
  private readonly kv: RenewableKvCache
  private readonly fleet: ReferenceFleet
  private readonly alarms: Alarms
  /** Rows that leave a front end; rows plus the number of rows for KV caches that arrive. */
  private readonly events = new EventQueue()
  private readonly handOver: HandOver
  private readonly listener: OnlineListener
  private readonly cluster: ClusterSpec
  /** Per backend: rows of requests that wait or run there. */
  private readonly underWay: readonly Set<number>[]
  private readonly reported: Int32Array
  /** By row: backend, -1 when the row is free; events still to come that name the row. */
  private readonly home: Int32Array
  private readonly pendingEvents: Uint8Array
  /** 1 for a request that was given up and leaves when its step ends. */
  private readonly isLeaving: Uint8Array
  /** 1 for a request that has ended, as the listener is still to hear. */
  private readonly isFinished: Uint8Array
  /** Rows that the listener is still to hear of, from {@link nextNews} on. */
  private readonly news: number[] = []
  private nextNews = 0

  /** @throws RouteSimError `options_invalid`, also for KV caches with tiers below them */
  constructor({ cluster, rows, listener }: OnlineFleetOptions) {
    const { backends } = cluster
    checkCluster(cluster)
    checkInteger('rows', rows, 1, MOST_IN_COLUMN)
    backends.forEach(refuseTiers)
    this.cluster = cluster
    this.listener = listener
    this.requests = emptyWindow(rows, { size: 0, parent: NO, startTokens: NO, endTokens: NO }, [])
    const swaps = backends.some(({ preemption }) => preemption === 'swap')
    this.progress = new RequestProgress(rows, swaps)
    this.loadColumns = new BackendLoads(
      Float64Array.from(backends, ({ maxQueueDepth }) => maxQueueDepth),
    )
    const kv = cluster.kvCache(
      this.requests,
      backends.map((backend) => backend.kv),
    )
    if (!isRenewable(kv)) throw notRenewable()
    this.kv = kv
    this.alarms = new Alarms(backends.length)
    this.underWay = backends.map(() => new Set())
    this.reported = new Int32Array(rows)
    this.home = new Int32Array(rows).fill(NONE)
    this.pendingEvents = new Uint8Array(rows)
    this.isLeaving = new Uint8Array(rows)
    this.isFinished = new Uint8Array(rows)
    this.handOver = new HandOver(backends, cluster.kvTransfer, this.progress)
    this.fleet = new ReferenceFleet({
      clock: this.clock,
      endMs: this.alarms.dueMs,
      specs: backends,
      requests: this.requests,
      progress: this.progress,
      kv: this.kv,
      loads: this.loadColumns,
      listener: this.hearing(),
      recorder: {},
      gaps: new TokenGaps({}),
      measuredFrom: Number.POSITIVE_INFINITY,
      policies: localPoliciesOf(backends, 0),
      holdsPrompts: new Uint8Array(backends.length),
      tellsKvEvents: false,
    })
  }

  /** Virtual time up to which everything has happened, in ms. */
  get nowMs(): number {
    return this.clock.nowMs
  }

  /** When something will happen next, in ms; `Infinity` for never. */
  get nextMs(): number {
    return Math.min(this.alarms.earliestMs, this.events.earliestMs)
  }

  /** Waiting and running requests of each backend, live. */
  get loads(): BackendColumns {
    return this.loadColumns
  }

  /** Writes the KV blocks of a backend. */
  usage(backend: number, out: KvUsage): void {
    this.kv.usage(backend, out)
  }

  /** What a backend has done so far. */
  counters(backend: number): BackendCounters {
    return this.fleet.counters(backend)
  }

  /** Prompt tokens that the request of a row found in the prefix cache when it was admitted. */
  cachedTokens(row: number): number {
    return this.progress.cachedTokens[row]!
  }

  /** Whether a backend could ever hold so many tokens, and takes requests of so many. */
  canEverFit(backend: number, tokens: number): boolean {
    const isWithin = tokens <= lengthLimit(this.cluster.backends[backend]!)
    return isWithin && this.kv.canEverFit(backend, tokens)
  }

  /**
   * The request of a row arrives at a backend.
   * @throws RouteSimError `row_in_use`, or `options_invalid` for a backend or a row that there is not
   */
  submit(row: number, backend: number, nowMs: number): void {
    this.begin(row, backend, nowMs)
    this.progress.prefillBackend[row] = backend
    this.fleet.accept(backend, row)
    const { frontEndMs = 0 } = this.cluster.backends[backend]!
    if (frontEndMs > 0) this.schedule(this.clock.nowMs + frontEndMs, row, row)
    else {
      this.fleet.enqueue(backend, row)
      this.settle(backend)
    }
  }

  /**
   * The same for a request whose prompt and first token were computed elsewhere: its KV is sent here.
   * @throws RouteSimError as above, and `options_invalid` for one that has no second token
   */
  submitHandedOver(row: number, backend: number, nowMs: number): void {
    checkInteger(`requests.outputTokens[${row}]`, this.requests.outputTokens[row]!, 2)
    this.begin(row, backend, nowMs)
    this.progress.emittedTokens[row] = 1
    this.progress.isHandedOver[row] = 1
    this.fleet.enqueueHandedOver(backend, row)
    this.settle(backend)
  }

  /**
   * Gives the request of a row up: its KV blocks are let go of. Nothing happens when it has ended.
   * @returns whether the row may be given to another at once; if not, when {@link isFree} says so
   */
  cancel(row: number, nowMs: number): boolean {
    this.advance(nowMs)
    const backend = this.home[row]!
    if (backend === NONE || this.isLeaving[row] === 1) return this.isFree(row)
    if (this.isFinished[row] === 1 || this.fleet.cancel(backend, row)) this.end(row)
    // Its step goes on, and then it is gone.
    else this.isLeaving[row] = 1
    this.settle(backend)
    return this.isFree(row)
  }

  /** Whether nothing is under way any more that concerns a row. */
  isFree(row: number): boolean {
    return this.home[row] === NONE && this.pendingEvents[row] === 0
  }

  /**
   * Lets time pass: what is due happens in order of time. With `Infinity` until nothing is to happen any more,
   * and no time passes after that.
   */
  advance(nowMs: number): void {
    this.tell()
    for (;;) {
      const alarmMs = this.alarms.earliestMs
      const eventMs = this.events.earliestMs
      const dueMs = Math.min(alarmMs, eventMs)
      if (!(dueMs <= nowMs && dueMs < Number.POSITIVE_INFINITY)) break
      this.clock.reach(dueMs)
      if (alarmMs <= eventMs) this.completeStep(this.alarms.earliest)
      else this.handle(this.events.pop())
      this.tell()
    }
    if (nowMs < Number.POSITIVE_INFINITY) this.clock.reach(nowMs)
  }

  private begin(row: number, backend: number, nowMs: number): void {
    checkInteger('row', row, 0, this.requests.size - 1)
    checkInteger('backend', backend, 0, this.underWay.length - 1)
    this.checkFree(row)
    this.advance(nowMs)
    // The listener may have given it to another meanwhile.
    this.checkFree(row)
    this.progress.reset(row)
    this.kv.renew(row)
    this.progress.backend[row] = backend
    this.requests.arrivalMs[row] = this.clock.nowMs
    this.home[row] = backend
    this.reported[row] = 0
    this.underWay[backend]!.add(row)
  }

  private checkFree(row: number): void {
    if (this.isFree(row)) return
    throw new RouteSimError(`row ${row}: expected one that is free, got one in use`, {
      code: 'row_in_use',
    })
  }

  private end(row: number): void {
    this.underWay[this.home[row]!]!.delete(row)
    this.home[row] = NONE
    this.isLeaving[row] = 0
    this.isFinished[row] = 0
  }

  private completeStep(backend: number): void {
    this.alarms.silence(backend)
    this.fleet.completeStep(backend)
    for (const row of this.underWay[backend]!) this.news.push(row)
    this.settle(backend)
  }

  private handle(subject: number): void {
    const { size } = this.requests
    const row = subject % size
    this.pendingEvents[row] = this.pendingEvents[row]! - 1
    const backend = this.home[row]!
    if (backend === NONE) return
    if (subject < size) this.fleet.enqueue(backend, row)
    else {
      this.fleet.transferCompleted(backend, row)
      this.news.push(row)
    }
    this.settle(backend)
  }

  /** Starts a step on a backend that is between two. */
  private settle(backend: number): void {
    const { dueMs } = this.alarms
    if (dueMs[backend]! < Number.POSITIVE_INFINITY) return
    this.fleet.startStep(backend)
    this.alarms.arm(backend)
  }

  /** Tells the listener what has happened. What it does about that may be told in the midst of it. */
  private tell(): void {
    const { news } = this
    while (this.nextNews < news.length) this.report(news[this.nextNews++]!)
    news.length = 0
    this.nextNews = 0
  }

  private report(row: number): void {
    const { isFinished, isLeaving, progress } = this
    const isElsewhere = progress.isHandedOver[row] === 1 || progress.isTransferring[row] === 1
    if (this.home[row] === NONE || isLeaving[row] === 1 || isElsewhere) return
    const tokens = progress.emittedTokens[row]!
    if (tokens !== this.reported[row]) {
      this.reported[row] = tokens
      this.listener.tokensProduced(row, tokens)
    }
    // Unless the listener has given it up.
    if (isFinished[row] === 0) return
    this.end(row)
    this.listener.requestFinished(row)
  }

  private schedule(timeMs: number, subject: number, row: number): void {
    this.pendingEvents[row] = this.pendingEvents[row]! + 1
    this.events.push(timeMs, subject)
  }

  private hearing(): FleetListener {
    return {
      firstTokenProduced: () => {},
      // Amid the end of a step, in which a listener could start another.
      requestFinished: (row) => {
        if (this.isLeaving[row] === 1) this.end(row)
        else this.isFinished[row] = 1
      },
      requestCancelled: (row) => this.end(row),
      prefillFinished: () => {},
      loadStarted: () => {},
      transferStarted: (row, tokens) => {
        // Only the receiver is known here.
        const home = this.home[row]!
        const durationMs = this.handOver.transferMs(tokens, home, home)
        this.schedule(this.clock.nowMs + durationMs, this.requests.size + row, row)
      },
    }
  }
}

const NO = new Int32Array(0)

function notRenewable(): RouteSimError {
  return new RouteSimError(
    'cluster.kvCache: expected KV caches that can give a row to another request, got some without renew()',
    {
      code: 'options_invalid',
      path: 'cluster.kvCache',
      hint: 'Use radixKvCache(), or a ContentKvCache.',
    },
  )
}

function refuseTiers({ kv: { tiers = [] } }: BackendSpec, backend: number): void {
  if (tiers.length === 0) return
  const path = `cluster.backends[${backend}].kv.tiers`
  throw new RouteSimError(
    `${path}: expected none, since contents have names only while they are cached, got ${tiers.length}`,
    {
      code: 'options_invalid',
      path,
      hint: 'Leave out kv_offload for live backends, or simulate them.',
    },
  )
}
