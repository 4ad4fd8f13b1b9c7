import type { BackendSnapshot, LoadSampler, RequestOutcomes, RequestTable } from '@routesim/core'
import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import { orNull } from '../statistics/or-null.js'

/** Looks at a backend that are kept at most, all backends together. */
const MOST_VALUES = 1 << 17
/** Looks at a fleet that are kept at most. */
const MOST_SAMPLES = 4096

/** Cumulative counters and levels that are kept of each look at a backend. */
const FIELDS = [
  'busyMs',
  'steps',
  'prefillTokens',
  'decodeTokens',
  'preemptions',
  'waiting',
  'running',
  'totalBlocks',
  'heldBlocks',
  'cachedBlocks',
] as const
type Field = (typeof FIELDS)[number]

/** One backend in one stretch of a run, for CSV or JSON. */
export interface LoadRow {
  /** End of the stretch, in ms; it begins where the one before ends. */
  readonly time_ms: number
  readonly backend: number
  /** Share of the stretch spent in engine steps. */
  readonly utilization: number | null
  /** Decoding requests per step, on average. */
  readonly mean_batch_size: number | null
  /** Requests at the end of the stretch. */
  readonly running: number
  readonly waiting: number
  /**
   * Cached share of the prompt tokens of requests admitted in the stretch; of measured ones only in a run
   * that keeps nothing per request, so null in its warm-up.
   */
  readonly hit_rate: number | null
  /** Shares of KV blocks at its end: held by running requests, and kept for reuse. */
  readonly kv_held: number | null
  readonly kv_cached: number | null
  readonly prefill_tokens_per_sec: number | null
  readonly decode_tokens_per_sec: number | null
  readonly preemptions: number
}

/**
 * What every backend did over time, warm-up included; hit rates are of the requests that `addRequest` is
 * told. Give it to a simulation as its sampler. It keeps a bounded number of samples: when there are too many it drops every other one and looks half as often.
 *
 * @example
 * new LoadSeries(8, 1000).intervalMs // => 1000
 */
export class LoadSeries implements LoadSampler {
  /** Time between two looks, in ms; a power of two times that asked for. */
  intervalMs: number
  readonly firstMs: number
  /** What looks are counted from. */
  private readonly originMs: number
  private readonly backends: number
  private readonly capacity: number
  private readonly times: number[] = []
  private readonly columns: Readonly<Record<Field, number[]>>
  /** Prompt tokens of requests by stretch of admission and backend, and the cached ones of them. */
  private promptTokens = new Map<number, number>()
  private cachedTokens = new Map<number, number>()

  /**
   * @param backends - how many the fleet has
   * @param intervalMs - time between two looks, greater than 0
   * @param span - what is known of the run: it begins at `fromMs`, before which there is nothing to see, and
   * lasts until `toMs` at least, so that looks that would be dropped later are not taken; 0 by default
   * @throws RouteSimError `interval_invalid`
   */
  constructor(
    backends: number,
    intervalMs: number,
    { fromMs = 0, toMs = 0 }: { readonly fromMs?: number; readonly toMs?: number } = {},
  ) {
    if (!(intervalMs > 0 && intervalMs < Number.POSITIVE_INFINITY)) {
      throw new RouteSimError<MetricsErrorCode>(
        `sample interval: expected a finite number of ms > 0, got ${intervalMs}`,
        { code: 'interval_invalid' },
      )
    }
    this.backends = backends
    const room = Math.min(MOST_SAMPLES, Math.floor(MOST_VALUES / backends))
    this.capacity = Math.max(2, room - (room % 2))
    // Rows are of round times, however odd that of the first request is.
    this.originMs = Math.floor(fromMs / intervalMs) * intervalMs
    let wideMs = intervalMs
    while (wideMs * this.capacity <= toMs - this.originMs) wideMs *= 2
    this.intervalMs = wideMs
    this.firstMs = this.originMs + wideMs
    this.columns = Object.fromEntries(FIELDS.map((field) => [field, [] as number[]])) as never
  }

  sample(nowMs: number, backends: readonly BackendSnapshot[]): number {
    this.times.push(nowMs)
    for (const field of FIELDS) {
      for (const backend of backends) this.columns[field].push(backend[field])
    }
    if (this.times.length === this.capacity) this.coarsen()
    // Multiples, not sums: no error adds up.
    return this.originMs + (this.stretchOf(nowMs + 1e-9 * this.intervalMs) + 1) * this.intervalMs
  }

  /** Counts the cache hits of a request; after the run, or when the request has ended. */
  addRequest(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    const admittedMs = outcomes.admittedMs[row]!
    if (Number.isNaN(admittedMs)) return
    const key = this.stretchOf(admittedMs) * this.backends + outcomes.prefillBackend[row]!
    add(this.promptTokens, key, requests.promptTokens[row]!)
    add(this.cachedTokens, key, outcomes.cachedTokens[row]!)
  }

  /** Every backend in every stretch, in order of time. */
  rows(): LoadRow[] {
    return this.times.flatMap((_, i) =>
      Array.from({ length: this.backends }, (_, backend) => this.row(i, backend)),
    )
  }

  private stretchOf(timeMs: number): number {
    return Math.floor((timeMs - this.originMs) / this.intervalMs)
  }

  private row(i: number, backend: number): LoadRow {
    const at = i * this.backends + backend
    const level = (field: Field): number => this.columns[field][at]!
    const gained = (field: Field): number =>
      level(field) - (i === 0 ? 0 : this.columns[field][at - this.backends]!)
    const timeMs = this.times[i]!
    const elapsedMs = timeMs - (i === 0 ? this.originMs : this.times[i - 1]!)
    const key = this.stretchOf(timeMs - elapsedMs / 2) * this.backends + backend
    const promptTokens = this.promptTokens.get(key) ?? 0
    return {
      time_ms: timeMs,
      backend,
      utilization: orNull(gained('busyMs') / elapsedMs),
      mean_batch_size: orNull(gained('decodeTokens') / gained('steps')),
      running: level('running'),
      waiting: level('waiting'),
      hit_rate: orNull((this.cachedTokens.get(key) ?? 0) / promptTokens),
      kv_held: orNull(level('heldBlocks') / level('totalBlocks')),
      kv_cached: orNull(level('cachedBlocks') / level('totalBlocks')),
      prefill_tokens_per_sec: orNull((gained('prefillTokens') / elapsedMs) * 1000),
      decode_tokens_per_sec: orNull((gained('decodeTokens') / elapsedMs) * 1000),
      preemptions: gained('preemptions'),
    }
  }

  /** Keeps every other sample, the last one among them: counters are cumulative, so nothing is lost. */
  private coarsen(): void {
    const { times, backends } = this
    const kept = times.length / 2
    for (let i = 0; i < kept; i++) times[i] = times[2 * i + 1]!
    times.length = kept
    for (const field of FIELDS) {
      const column = this.columns[field]
      for (let i = 0; i < kept; i++) {
        for (let b = 0; b < backends; b++) {
          column[i * backends + b] = column[(2 * i + 1) * backends + b]!
        }
      }
      column.length = kept * backends
    }
    this.intervalMs *= 2
    this.promptTokens = halved(this.promptTokens, backends)
    this.cachedTokens = halved(this.cachedTokens, backends)
  }
}

/** Two stretches make one. */
function halved(counts: ReadonlyMap<number, number>, backends: number): Map<number, number> {
  const result = new Map<number, number>()
  for (const [key, count] of counts) {
    const stretch = Math.floor(Math.floor(key / backends) / 2)
    add(result, stretch * backends + (key % backends), count)
  }
  return result
}

function add(counts: Map<number, number>, key: number, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}
