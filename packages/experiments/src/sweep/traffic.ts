import { type RequestTable, RouteSimError } from '@routesim/core'
import { atRequestRate, expectedRequests, retimeTrace } from '@routesim/traces'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { listedSome } from '../notes/listed.js'
import { MOST_RATES, rateText } from '../notes/rate-notes.js'
import { besideRequests } from '../workload/beside-requests.js'
import {
  fixedWorkload,
  generatedWorkload,
  generatorOf,
  loadWorkload,
  namedInWorkload,
  type TraceOptions,
  type WorkloadSource,
} from '../workload/load-workload.js'
import { movedFrom } from '../workload/retimed.js'
import { requestsHash } from './point-key.js'

/** Seconds of traffic per rate, as in the original RouteSim. */
const DEFAULT_DURATION_SEC = 60

/** Where the requests of the points of a search come from. */
export interface TrafficOptions extends TraceOptions {
  readonly trace?: string | RequestTable | undefined
  readonly configPath: string | undefined
  /** Length of traffic that is generated at a rate, in seconds; the config's by default. */
  readonly durationSec?: number | undefined
}

/** What ends traffic before the time for which it is generated. */
export interface EarlyEnd {
  /** What says so, in words. */
  readonly by: string
  readonly rate: number
  readonly afterSec: number
}

/** Traffic this much shorter than asked for is told of. */
const CLEARLY_SHORTER = 0.95

/** Requests of one point. */
export interface Traffic {
  /** The config as it is simulated: with the rate in its trace section. */
  readonly config: Config
  /** One object for all points with the same requests. */
  readonly workload: WorkloadSource
  /** Hash of requests that were read. */
  readonly hash: string | undefined
}

type Requests = Omit<Traffic, 'config'>

/** Makes the requests of each point once, however many points share them. */
export class TrafficStore {
  private readonly options: TrafficOptions
  private readonly known = new Map<string, Promise<Requests>>()
  private readonly read = new Map<string, Promise<WorkloadSource>>()

  constructor(options: TrafficOptions) {
    this.options = options
  }

  /** Seconds of traffic that are generated at a rate. */
  durationSec(config: Config): number {
    return this.askedSec(config) ?? DEFAULT_DURATION_SEC
  }

  /** The same where the options or a config say it. */
  askedSec({ trace, workload }: Config): number | undefined {
    return this.options.durationSec ?? trace.duration_sec ?? workload.duration_sec
  }

  /** Whether there is no trace, so that requests at a rate are generated. */
  isGenerated({ trace }: Config): boolean {
    return this.options.trace === undefined && trace.path === undefined
  }

  /** What ends generated traffic at a rate before its time; undefined when nothing does. */
  earlyEnd(config: Config, { generator }: WorkloadSource, rate: number): EarlyEnd | undefined {
    if (generator === undefined) return undefined
    const enough = rate * this.durationSec(config) * CLEARLY_SHORTER
    const endAt = (requests: number, by: string): EarlyEnd | undefined =>
      requests < enough ? { by, rate, afterSec: requests / rate } : undefined
    if ('clients' in generator) {
      const { requests = Number.POSITIVE_INFINITY, clients } = generator
      const hasStages = clients.some(({ arrivals }) => arrivals.stages !== undefined)
      return (
        endAt(requests, 'requests of [workload]') ??
        endAt(
          expectedRequests(generator),
          hasStages ? 'stages of [workload]' : 'max_sessions of [workload]',
        )
      )
    }
    const { num_sessions: sessions = Number.POSITIVE_INFINITY, turns_mean: turns = 1 } = generator
    return endAt(sessions * turns, 'num_sessions of [trace]')
  }

  /**
   * The requests of a config; at a rate, those of the trace that was given or that the config names, faster
   * or slower, else generated ones.
   * @throws RouteSimError `trace_missing`, `sweep_invalid` for a rate of requests that arrive at one time,
   * and what reading a trace throws
   */
  async at(config: Config, rate: number | undefined): Promise<Traffic> {
    const isGenerated = rate !== undefined && this.isGenerated(config)
    const trace = isGenerated
      ? { ...config.trace, rate, duration_sec: this.durationSec(config) }
      : config.trace
    const own = { ...config, trace }
    const key = JSON.stringify([trace, config.workload, rate])
    let traffic = this.known.get(key)
    if (traffic === undefined) {
      traffic = isGenerated ? this.generated(own, rate) : this.load(own, rate)
      this.known.set(key, traffic)
    }
    const found = await traffic
    return { config: await besideRequests(own, found.workload), ...found }
  }

  private async generated(config: Config, rate: number): Promise<Requests> {
    const generator = await generatorOf(config, this.options.configPath)
    if (generator === undefined || !('clients' in generator)) {
      return { workload: generatedWorkload(config.trace), hash: undefined }
    }
    const durationSec = this.durationSec(config)
    const { workload: section } = config
    const atRate = namedInWorkload(section, () =>
      atRequestRate({ ...generator, durationSec }, rate),
    )
    const workload = generatedWorkload(atRate, section)
    return { workload, hash: undefined }
  }

  private async load(config: Config, rate: number | undefined): Promise<Requests> {
    const { signal, arrivals = config.trace.arrivals, rateRps = config.trace.rate } = this.options
    // Of a trace with Poisson arrivals: those of the rate, not rescaled ones.
    if (rate === undefined || arrivals === 'poisson') {
      const workload = await this.timed(config, rate)
      if (workload.generator !== undefined) return { workload, hash: undefined }
      // It may differ with the seed, but what it is made from is in the arrivals of any.
      const hash = requestsHash(await workload.requests(0, signal))
      if (rate === undefined || rateRps === undefined) return { workload, hash }
      const moved = async () => ({ fromMs: 0, factor: rateRps / rate })
      return { workload: { ...workload, moved }, hash }
    }
    const { workload: base } = await this.at(config, undefined)
    const table = await base.requests(0, signal)
    checkSpan(table)
    const scaled = retimeTrace(table, { arrivals: 'rescaled', rateRps: rate })
    const workload = fixedWorkload(scaled, base.description, base.notes)
    const { fromMs, factor = 1 } = movedFrom(table, scaled)
    // The trace may have been moved before: then it begins at 0, and its events count from where it began.
    const before = await base.moved?.()
    const moved = async () => ({
      fromMs: before?.fromMs ?? fromMs,
      factor: factor * (before?.factor ?? 1),
    })
    return { workload: { ...workload, moved }, hash: requestsHash(scaled) }
  }

  /** The requests with the arrivals that the options or the config ask for. */
  private async timed(config: Config, rate: number | undefined): Promise<WorkloadSource> {
    const { trace: given, configPath, ...options } = this.options
    const requests = typeof given === 'string' ? await this.file(given, config) : given
    const rateRps = rate ?? options.rateRps
    return loadWorkload(config, requests, { ...options, rateRps }, configPath)
  }

  /** A trace is read once, whatever becomes of its times: standard input can not be read again. */
  private file(path: string, config: Config): Promise<WorkloadSource> {
    const { configPath, ...options } = this.options
    const { arrivals: _arrivals, rate: _rate, ...trace } = config.trace
    const key = JSON.stringify(trace)
    const known = this.read.get(key)
    if (known !== undefined) return known
    const asIs = { ...options, arrivals: undefined, rateRps: undefined }
    const read = loadWorkload({ ...config, trace }, path, asIs, configPath)
    this.read.set(key, read)
    return read
  }
}

/** @throws RouteSimError `options_conflict`: seconds of traffic are generated at a rate only */
export function checkDuration(
  { durationSec }: { readonly durationSec?: number | undefined },
  isGenerated: boolean,
  hasRates: boolean,
): void {
  if (durationSec === undefined || (isGenerated && hasRates)) return
  const [beside, hint] = isGenerated
    ? ['traffic as the config has it', 'Give rates, or set the duration_sec of the config.']
    : ['a trace, which has its own', undefined]
  throw new RouteSimError<ExperimentsErrorCode>(
    `duration: expected nothing beside ${beside}, got ${durationSec}`,
    { code: 'options_conflict', path: 'durationSec', ...(hint && { hint }) },
  )
}

/** Says that traffic ends before its time, of which only what was asked for is named, and when. */
export function earlyEndNotes(ends: readonly EarlyEnd[], askedSec: number | undefined): string[] {
  const [first] = ends
  if (first === undefined) return []
  const told = ends.map(
    ({ afterSec, rate }) => `${rateText(afterSec, 2)} s at ${rateText(rate)} requests/s`,
  )
  const before = askedSec === undefined ? '' : ` before its ${askedSec} s are over:`
  return [
    `${first.by} end the traffic${before} after about ${listedSome([...new Set(told)], MOST_RATES)}`,
  ]
}

/** @throws RouteSimError `sweep_invalid` */
function checkSpan({ size, arrivalMs }: RequestTable): void {
  const spanMs = size === 0 ? 0 : arrivalMs[size - 1]! - arrivalMs[0]!
  if (spanMs > 0) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `rates: expected requests at different times, of which there is a rate, got ${size} requests over ${spanMs} ms`,
    {
      code: 'sweep_invalid',
      path: 'rates',
      hint: 'With --arrivals poisson, requests without times get some at each rate.',
    },
  )
}
