import type { Clock } from '../../kernel/clock.js'
import type { BelievedPrefixes } from '../../routing/believed-prefixes.js'
import type { AdapterState, BackendColumns } from '../../routing/cluster-view.js'
import type { LiveSource } from '../../routing/live-views.js'
import type { SentPrefixes } from '../../routing/sent-prefixes.js'
import type { Visibility } from '../../routing/visibility.js'
import type { RankTable } from '../results/rank-table.js'

/** What a {@link VisibleSource} is made from. */
export interface VisibleSourceOptions {
  readonly visibility: Visibility
  readonly truth: LiveSource
  /** Lengths of prompts as the router sees them, and of answers as they are declared, by row. */
  readonly promptTokens: Int32Array
  readonly maxTokens: Int32Array
  /** Tokens that the KV cache of each backend has room for. */
  readonly kvTokens: Float64Array
  /** Only with KV events. */
  readonly belief: BelievedPrefixes | undefined
  /** Only where what was sent is taken to be cached. */
  readonly sent: SentPrefixes | undefined
  /** Beliefs are held per rank. */
  readonly ranks: RankTable | undefined
}

/** The figures of one router, as columns that it may read. */
interface VisibleColumns extends BackendColumns {
  readonly outstanding: Int32Array
  readonly pendingPromptTokens: Float64Array
  readonly sentSinceSample: Int32Array
  readonly maxQueueDepth: ArrayLike<number>
}

/**
 * What one router knows of the backends: its own requests exactly, the rest as far as it was delivered.
 * Own requests are counted as the backends count all: a pair counts where it is prefilled until that is
 * done, and from then on where it decodes. Without metrics these counts stand in for them, as in a live
 * router: requests without a first token wait, the others run, and each holds its prompt and the most
 * tokens that it asks for.
 */
export class VisibleSource implements LiveSource {
  readonly clock: Clock
  readonly loads: VisibleColumns
  readonly fleet: LiveSource['fleet']
  readonly kv: LiveSource['kv']
  readonly adapters: (backend: number) => AdapterState | undefined
  /** What the latest sample said of adapters, by backend. */
  readonly sampledAdapters: (AdapterState | undefined)[]
  /** What the latest samples said, or without any the counts that stand in for them, by backend. */
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly kvUsage: Float64Array
  readonly sampledMs: Float64Array
  /** Requests sent to each backend in all. */
  readonly sent: Float64Array
  /** What this router itself has under way, without what others have told. */
  readonly ownOutstanding: Int32Array
  readonly ownWaiting: Int32Array
  readonly ownPendingTokens: Float64Array
  readonly ownHeldTokens: Float64Array
  /** The same with what others have told. */
  private readonly heldTokens: Float64Array
  /** By row: prompt tokens of a request without a first token. */
  private readonly pendingOf: Float64Array
  private readonly promptTokens: Int32Array
  private readonly maxTokens: Int32Array
  private readonly kvTokens: Float64Array
  private readonly sentPrefixes: SentPrefixes | undefined
  private readonly isPolled: boolean
  private readonly isCounted: boolean

  constructor(options: VisibleSourceOptions) {
    const { visibility, truth, promptTokens } = options
    const size = truth.loads.waiting.length
    const isLive = visibility.metrics === 'live'
    this.isCounted = visibility.metrics === 'none'
    this.isPolled = !isLive && !this.isCounted
    this.clock = truth.clock
    this.promptTokens = promptTokens
    this.maxTokens = options.maxTokens
    this.kvTokens = options.kvTokens
    this.sentPrefixes = options.sent
    this.waiting = new Int32Array(size)
    this.running = new Int32Array(size)
    this.kvUsage = new Float64Array(size)
    this.sampledMs = new Float64Array(size).fill(
      this.isPolled ? Number.NEGATIVE_INFINITY : Number.NaN,
    )
    this.sent = new Float64Array(size)
    this.ownOutstanding = new Int32Array(size)
    this.ownWaiting = new Int32Array(size)
    this.ownPendingTokens = new Float64Array(size)
    this.ownHeldTokens = new Float64Array(size)
    this.heldTokens = new Float64Array(size)
    this.pendingOf = new Float64Array(promptTokens.length)
    this.loads = {
      waiting: isLive ? truth.loads.waiting : this.waiting,
      running: isLive ? truth.loads.running : this.running,
      outstanding: new Int32Array(size),
      pendingPromptTokens: new Float64Array(size),
      sentSinceSample: new Int32Array(size),
      maxQueueDepth: truth.loads.maxQueueDepth,
    }
    const { prefixes } = visibility
    this.fleet = {
      sync: (backend) => {
        if (isLive) truth.fleet.sync(backend)
      },
      syncMatches: (request) => {
        if (prefixes === 'live') truth.fleet.syncMatches(request)
      },
    }
    this.sampledAdapters = Array.from({ length: size }, (_, id) => unseen(truth.adapters?.(id)))
    this.adapters = (id) => (isLive ? truth.adapters?.(id) : this.sampledAdapters[id])
    const match = matcher(options)
    const isEstimated = visibility.tokenError > 0
    this.kv = {
      match: (request, out) => {
        match(request, out)
        if (!isEstimated) return
        for (let id = 0; id < out.length; id++)
          out[id] = Math.min(out[id]!, this.promptTokens[request]!)
      },
      usage: (backend, out) => {
        if (isLive) truth.kv.usage(backend, out)
        else {
          out.total = 1
          out.held = this.isCounted
            ? Math.min(1, this.heldTokens[backend]! / this.kvTokens[backend]!)
            : this.kvUsage[backend]!
        }
      },
    }
  }

  /** This router has sent a request to a backend. */
  dispatched(request: number, backend: number): void {
    const { loads, sent } = this
    const tokens = this.promptTokens[request]!
    if (this.isPolled) {
      sent[backend] = sent[backend]! + 1
      loads.sentSinceSample[backend] = loads.sentSinceSample[backend]! + 1
    }
    this.sentPrefixes?.sent(request, backend)
    this.pendingOf[request] = tokens
    this.count(request, backend, 1)
    this.countPending(backend, 1, tokens)
  }

  /** A backend is not seen any more. */
  gone(backend: number): void {
    this.sentPrefixes?.forget(backend)
  }

  /** The prompt of a request is computed. */
  prefilled(request: number, backend: number): void {
    const tokens = this.pendingOf[request]!
    if (tokens === 0) return
    this.pendingOf[request] = 0
    this.countPending(backend, -1, -tokens)
  }

  /** A request is one backend's no longer. */
  left(request: number, backend: number): void {
    this.prefilled(request, backend)
    this.count(request, backend, -1)
  }

  /** A request whose prompt was computed elsewhere goes on here. */
  joined(request: number, backend: number): void {
    this.count(request, backend, 1)
  }

  /** What other routers have under way is as they say now. */
  hear(others: readonly VisibleSource[]): void {
    const { loads, ownOutstanding, ownWaiting, ownPendingTokens, ownHeldTokens } = this
    for (let id = 0; id < ownOutstanding.length; id++) {
      let outstanding = ownOutstanding[id]!
      let waiting = ownWaiting[id]!
      let tokens = ownPendingTokens[id]!
      let held = ownHeldTokens[id]!
      for (const other of others) {
        if (other === this) continue
        outstanding += other.ownOutstanding[id]!
        waiting += other.ownWaiting[id]!
        tokens += other.ownPendingTokens[id]!
        held += other.ownHeldTokens[id]!
      }
      loads.outstanding[id] = outstanding
      loads.pendingPromptTokens[id] = tokens
      if (!this.isCounted) continue
      this.waiting[id] = waiting
      this.running[id] = outstanding - waiting
      this.heldTokens[id] = held
    }
  }

  /** One request more on a backend, or one less. */
  private count(request: number, backend: number, by: 1 | -1): void {
    const { loads, ownOutstanding, ownHeldTokens, heldTokens, running } = this
    const tokens = by * (this.promptTokens[request]! + this.maxTokens[request]!)
    ownOutstanding[backend] = ownOutstanding[backend]! + by
    loads.outstanding[backend] = loads.outstanding[backend]! + by
    ownHeldTokens[backend] = ownHeldTokens[backend]! + tokens
    heldTokens[backend] = heldTokens[backend]! + tokens
    if (this.isCounted) running[backend] = running[backend]! + by
  }

  /** One of them more without a first token, or one less. */
  private countPending(backend: number, by: 1 | -1, tokens: number): void {
    const { loads, ownWaiting, ownPendingTokens, waiting, running } = this
    ownWaiting[backend] = ownWaiting[backend]! + by
    ownPendingTokens[backend] = ownPendingTokens[backend]! + tokens
    loads.pendingPromptTokens[backend] = loads.pendingPromptTokens[backend]! + tokens
    if (!this.isCounted) return
    waiting[backend] = waiting[backend]! + by
    running[backend] = running[backend]! - by
  }
}

function matcher({
  visibility,
  truth,
  belief,
  sent,
  ranks,
}: VisibleSourceOptions): LiveSource['kv']['match'] {
  if (visibility.prefixes === 'live') return (request, out) => truth.kv.match(request, out)
  if (sent !== undefined) return (request, out) => sent.match(request, out)
  if (belief === undefined) return (_request, out) => out.fill(0)
  if (ranks === undefined) return (request, out) => belief.match(request, out)
  const byRank = new Int32Array(ranks.specs.length)
  return (request, out) => {
    belief.match(request, byRank)
    ranks.largest(byRank, out)
  }
}

/** Slots are known from the start, adapters from the first sample on. */
function unseen(adapters: AdapterState | undefined): AdapterState | undefined {
  return adapters && { slots: adapters.slots, loaded: [], running: [], waiting: [] }
}
