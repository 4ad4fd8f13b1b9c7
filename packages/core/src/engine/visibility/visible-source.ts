import type { Clock } from '../../kernel/clock.js'
import type { BelievedPrefixes } from '../../routing/believed-prefixes.js'
import type { AdapterState, BackendColumns } from '../../routing/cluster-view.js'
import type { LiveSource } from '../../routing/live-views.js'
import type { Visibility } from '../../routing/visibility.js'
import type { RankTable } from '../results/rank-table.js'

/** What a {@link VisibleSource} is made from. */
export interface VisibleSourceOptions {
  readonly visibility: Visibility
  readonly truth: LiveSource
  /** Lengths of prompts as the router sees them, by row. */
  readonly promptTokens: Int32Array
  /** Only with KV events. */
  readonly belief: BelievedPrefixes | undefined
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
 * done, and from then on where it decodes.
 */
export class VisibleSource implements LiveSource {
  readonly clock: Clock
  readonly loads: VisibleColumns
  readonly fleet: LiveSource['fleet']
  readonly kv: LiveSource['kv']
  readonly adapters: (backend: number) => AdapterState | undefined
  /** What the latest sample said of adapters, by backend. */
  readonly sampledAdapters: (AdapterState | undefined)[]
  /** What the latest samples said, by backend. */
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly kvUsage: Float64Array
  readonly sampledMs: Float64Array
  /** Requests sent to each backend in all. */
  readonly sent: Float64Array
  /** What this router itself has under way, without what others have told. */
  readonly ownOutstanding: Int32Array
  readonly ownPendingTokens: Float64Array
  /** By row: prompt tokens of a request without a first token. */
  private readonly pendingOf: Float64Array
  private readonly promptTokens: Int32Array

  constructor({ visibility, truth, promptTokens, belief, ranks }: VisibleSourceOptions) {
    const size = truth.loads.waiting.length
    const isLive = visibility.metrics === 'live'
    this.clock = truth.clock
    this.promptTokens = promptTokens
    this.waiting = new Int32Array(size)
    this.running = new Int32Array(size)
    this.kvUsage = new Float64Array(size)
    this.sampledMs = new Float64Array(size).fill(Number.NEGATIVE_INFINITY)
    this.sent = new Float64Array(size)
    this.ownOutstanding = new Int32Array(size)
    this.ownPendingTokens = new Float64Array(size)
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
    const match = matcher(prefixes, truth, belief, ranks)
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
          out.held = this.kvUsage[backend]!
        }
      },
    }
    if (isLive) this.sampledMs.fill(Number.NaN)
  }

  /** This router has sent a request to a backend. */
  dispatched(request: number, backend: number): void {
    const { loads, ownOutstanding, ownPendingTokens, sent } = this
    const tokens = this.promptTokens[request]!
    sent[backend] = sent[backend]! + 1
    loads.sentSinceSample[backend] = loads.sentSinceSample[backend]! + 1
    ownOutstanding[backend] = ownOutstanding[backend]! + 1
    loads.outstanding[backend] = loads.outstanding[backend]! + 1
    this.pendingOf[request] = tokens
    ownPendingTokens[backend] = ownPendingTokens[backend]! + tokens
    loads.pendingPromptTokens[backend] = loads.pendingPromptTokens[backend]! + tokens
  }

  /** The prompt of a request is computed. */
  prefilled(request: number, backend: number): void {
    const { loads, ownPendingTokens } = this
    const tokens = this.pendingOf[request]!
    this.pendingOf[request] = 0
    ownPendingTokens[backend] = ownPendingTokens[backend]! - tokens
    loads.pendingPromptTokens[backend] = loads.pendingPromptTokens[backend]! - tokens
  }

  /** A request is one backend's no longer. */
  left(request: number, backend: number): void {
    this.prefilled(request, backend)
    this.ownOutstanding[backend] = this.ownOutstanding[backend]! - 1
    this.loads.outstanding[backend] = this.loads.outstanding[backend]! - 1
  }

  /** A request whose prompt was computed elsewhere goes on here. */
  joined(backend: number): void {
    this.ownOutstanding[backend] = this.ownOutstanding[backend]! + 1
    this.loads.outstanding[backend] = this.loads.outstanding[backend]! + 1
  }

  /** What other routers have under way is as they say now. */
  hear(others: readonly VisibleSource[]): void {
    const { loads, ownOutstanding, ownPendingTokens } = this
    for (let id = 0; id < ownOutstanding.length; id++) {
      let outstanding = ownOutstanding[id]!
      let tokens = ownPendingTokens[id]!
      for (const other of others) {
        if (other === this) continue
        outstanding += other.ownOutstanding[id]!
        tokens += other.ownPendingTokens[id]!
      }
      loads.outstanding[id] = outstanding
      loads.pendingPromptTokens[id] = tokens
    }
  }
}

function matcher(
  prefixes: Visibility['prefixes'],
  truth: LiveSource,
  belief: BelievedPrefixes | undefined,
  ranks: RankTable | undefined,
): LiveSource['kv']['match'] {
  if (prefixes === 'live') return (request, out) => truth.kv.match(request, out)
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
