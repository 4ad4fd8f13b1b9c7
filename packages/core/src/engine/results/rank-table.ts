import { BackendLoads } from '../../backend/backend-loads.js'
import { isLockstep } from '../../backend/engine-policies.js'
import type { FleetFront } from '../../backend/fleet.js'
import type { Clock } from '../../kernel/clock.js'
import type { KvCacheView, KvUsage } from '../../kv-cache/kv-cache.js'
import type { AdapterState } from '../../routing/cluster-view.js'
import type { LiveSource } from '../../routing/live-views.js'
import type { BackendSpec } from '../simulation-options.js'
import type { Recorder } from './recorder.js'
import type { BackendTotals, KvTierTotals } from './run-result.js'

/** Figures of a backend that are sums over its ranks, before any is added. */
const NOTHING = {
  steps: 0,
  prefillTokens: 0,
  decodeTokens: 0,
  evictions: 0,
  preemptions: 0,
  waitingRequestMs: 0,
  runningRequestMs: 0,
  totalBlocks: 0,
  heldBlocks: 0,
  cachedBlocks: 0,
  busyMs: 0,
}
const SUMS = Object.keys(NOTHING) as readonly (keyof typeof NOTHING)[]

/**
 * Backends with several data-parallel ranks, each a scheduler with a queue, a batch and a KV cache of its
 * own. To the fleet every rank is a backend; to routers and in results only backends exist. Ranks are
 * numbered through, those of one backend next to each other.
 */
export class RankTable {
  /** What each rank is. */
  readonly specs: readonly BackendSpec[]
  /** Backend of each rank. */
  private readonly owner: Int32Array
  /** First rank of each backend, and the number of ranks at the end. */
  private readonly first: Int32Array
  private readonly backends: readonly BackendSpec[]

  constructor(backends: readonly BackendSpec[]) {
    this.backends = backends
    this.specs = backends.flatMap((spec) => Array.from({ length: spec.dp ?? 1 }, () => spec))
    this.owner = Int32Array.from(
      backends.flatMap(({ dp = 1 }, id) => Array.from({ length: dp }, () => id)),
    )
    this.first = new Int32Array(backends.length + 1)
    backends.forEach(({ dp = 1 }, id) => {
      this.first[id + 1] = this.first[id]! + dp
    })
  }

  backendOf(rank: number): number {
    return this.owner[rank]!
  }

  /** The backends of a column of ranks, -1 for none. */
  backendsOf(ranks: Int32Array): Int32Array {
    return ranks.map((rank) => (rank < 0 ? rank : this.owner[rank]!))
  }

  /** Whether the ranks of a rank's backend start their steps together. */
  isInLockstep(rank: number): boolean {
    return isLockstep(this.specs[rank]!)
  }

  /** First rank of a backend; that of the next backend is the end. */
  firstRank(backend: number): number {
    return this.first[backend]!
  }

  /** The rank with the fewest requests, the lowest among equals, as vLLM's load balancer chooses. */
  leastOutstanding(backend: number, loads: BackendLoads): number {
    let least = this.first[backend]!
    for (let rank = least + 1; rank < this.first[backend + 1]!; rank++) {
      if (loads.outstanding[rank]! < loads.outstanding[least]!) least = rank
    }
    return least
  }

  /** The largest value of a column on any rank of each backend. */
  largest(byRank: Int32Array, out: Int32Array): void {
    out.fill(0)
    for (let rank = 0; rank < byRank.length; rank++) {
      const backend = this.owner[rank]!
      if (byRank[rank]! > out[backend]!) out[backend] = byRank[rank]!
    }
  }

  /** Totals of backends out of those of ranks. Ranks are busy side by side: their mean counts. */
  merge(totals: readonly BackendTotals[]): BackendTotals[] {
    return this.backends.map(({ role, model }, id) => {
      const own = totals.slice(this.first[id], this.first[id + 1])
      const sums = { ...NOTHING }
      for (const rank of own) for (const field of SUMS) sums[field] += rank[field]
      return {
        ...sums,
        id,
        role,
        ...(model !== undefined && { model }),
        busyMs: sums.busyMs / own.length,
        ...(own[0]?.adapterLoads !== undefined && {
          adapterLoads: own.reduce((total, rank) => total + rank.adapterLoads!, 0),
        }),
        ...mergedTiers(own),
      }
    })
  }

  /** Hears of the steps of ranks as steps of their backends. */
  recorder(recorder: Recorder): Recorder {
    if (recorder.stepCompleted === undefined) return recorder
    return {
      ...(recorder.tokenGaps === undefined
        ? {}
        : { tokenGaps: (runs: Float64Array) => recorder.tokenGaps?.(runs) }),
      ...(recorder.requestEnded === undefined
        ? {}
        : { requestEnded: recorder.requestEnded.bind(recorder) }),
      stepCompleted: (rank, ...step) => recorder.stepCompleted?.(this.owner[rank]!, ...step),
    }
  }

  /** What routers read, with one value per backend. */
  source(fleet: FleetFront, kv: KvCacheView, rankLoads: BackendLoads, clock: Clock): RankedSource {
    return new RankedSource(this.backends, this.first, fleet, kv, rankLoads, clock)
  }
}

/** Loads and caches of backends as sums over their ranks; a match is the longest on any rank. */
export class RankedSource implements LiveSource {
  readonly clock: Clock
  readonly loads: BackendLoads
  readonly fleet: LiveSource['fleet']
  readonly kv: LiveSource['kv']
  readonly adapters: (backend: number) => AdapterState | undefined
  private readonly first: Int32Array
  private readonly rankLoads: BackendLoads

  constructor(
    backends: readonly BackendSpec[],
    first: Int32Array,
    fleet: FleetFront,
    kv: KvCacheView,
    rankLoads: BackendLoads,
    clock: Clock,
  ) {
    this.clock = clock
    this.first = first
    this.rankLoads = rankLoads
    this.loads = new BackendLoads(Float64Array.from(backends, ({ maxQueueDepth }) => maxQueueDepth))
    const each = (backend: number, visit: (rank: number) => void): void => {
      for (let rank = first[backend]!; rank < first[backend + 1]!; rank++) visit(rank)
    }
    this.fleet = {
      sync: (backend) => each(backend, (rank) => fleet.sync(rank)),
      syncMatches: (request) => fleet.syncMatches(request),
    }
    this.adapters = (backend) => {
      const states: AdapterState[] = []
      each(backend, (rank) => states.push(...[fleet.adapterState(rank) ?? []].flat()))
      return states.length === 0 ? undefined : mergedAdapters(states)
    }
    const matched = new Int32Array(rankLoads.waiting.length)
    const one: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    this.kv = {
      match: (request, out) => {
        kv.match(request, matched)
        out.fill(0)
        for (let id = 0; id < backends.length; id++) {
          each(id, (rank) => {
            out[id] = Math.max(out[id]!, matched[rank]!)
          })
        }
      },
      usage: (backend, out) => {
        Object.assign(out, { total: 0, held: 0, cached: 0, free: 0 })
        each(backend, (rank) => {
          kv.usage(rank, one)
          out.total += one.total
          out.held += one.held
          out.cached += one.cached
          out.free += one.free
        })
      },
    }
  }

  /** Brings the loads up to now; before a router looks. */
  refresh(): void {
    const { loads, rankLoads } = this
    for (const name of ['waiting', 'running', 'outstanding', 'pendingPromptTokens'] as const) {
      for (let id = 0; id < loads.waiting.length; id++) {
        let sum = 0
        for (let rank = this.first[id]!; rank < this.first[id + 1]!; rank++)
          sum += rankLoads[name][rank]!
        loads[name][id] = sum
      }
    }
  }
}

/** Tiers of a backend out of those of its ranks; a link is busy as often as theirs are on average. */
function mergedTiers(ranks: readonly BackendTotals[]): Pick<BackendTotals, 'tiers'> {
  const first = ranks[0]?.tiers
  if (first === undefined) return {}
  const tiers = first.map(({ name }, i) => {
    const sum = (field: Exclude<keyof KvTierTotals, 'name'>): number =>
      ranks.reduce((total, rank) => total + rank.tiers![i]![field], 0)
    return {
      name,
      loads: sum('loads'),
      loadedTokens: sum('loadedTokens'),
      loadMs: sum('loadMs') / ranks.length,
      totalBlocks: sum('totalBlocks'),
      usedBlocks: sum('usedBlocks'),
    }
  })
  return { tiers }
}

/** An adapter is where it is on any rank. */
function mergedAdapters(ranks: readonly AdapterState[]): AdapterState {
  const names = (of: 'loaded' | 'running' | 'waiting'): string[] =>
    [...new Set(ranks.flatMap((rank) => rank[of]))].sort()
  return {
    slots: ranks.reduce((sum, { slots }) => sum + slots, 0),
    loaded: names('loaded'),
    running: names('running'),
    waiting: names('waiting'),
  }
}
