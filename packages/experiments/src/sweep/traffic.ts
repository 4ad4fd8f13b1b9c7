import type { RequestTable } from '@routesim/core'
import { atRequestRate, retimeTrace } from '@routesim/traces'
import { type MovedTimes, moveEvents } from '../config/move-events.js'
import type { Config } from '../config/schema.js'
import {
  fixedWorkload,
  generatedWorkload,
  generatorOf,
  loadWorkload,
  type TraceOptions,
  type WorkloadSource,
} from '../workload/load-workload.js'
import { requestsHash } from './point-key.js'

/** Seconds of traffic per rate, as in the original RouteSim. */
const DEFAULT_DURATION_SEC = 60

/** Where the requests of the points of a search come from. */
export interface TrafficOptions extends TraceOptions {
  readonly trace?: string | RequestTable | undefined
  readonly configPath: string | undefined
  /** Length of traffic that is generated at a rate, in seconds; the config's by default. */
  readonly durationSec?: number | undefined
  /** Whether a trace that the config names is rescaled to a rate like one that is given; else requests are generated. */
  readonly rescalesNamed?: boolean | undefined
}

/** Requests of one point. */
export interface Traffic {
  /** The config as it is simulated: with the rate in its trace section. */
  readonly config: Config
  /** One object for all points with the same requests. */
  readonly workload: WorkloadSource
  /** Hash of requests that were read. */
  readonly hash: string | undefined
}

interface Requests extends Omit<Traffic, 'config'> {
  /** What became of the times of a trace, that events keep their places in it. */
  readonly moved?: MovedTimes
}

/** Makes the requests of each point once, however many points share them. */
export class TrafficStore {
  private readonly options: TrafficOptions
  private readonly known = new Map<string, Promise<Requests>>()

  constructor(options: TrafficOptions) {
    this.options = options
  }

  /** Seconds of traffic that are generated at a rate. */
  durationSec({ trace, workload }: Config): number {
    const own = trace.duration_sec ?? workload.duration_sec
    return this.options.durationSec ?? own ?? DEFAULT_DURATION_SEC
  }

  /**
   * The requests of a config; at a rate, those of the trace that was given, faster or slower, else
   * generated ones.
   * @throws RouteSimError `trace_missing`, and what reading a trace throws
   */
  async at(config: Config, rate: number | undefined): Promise<Traffic> {
    const { trace: given, rescalesNamed } = this.options
    const isNamed = rescalesNamed === true && config.trace.path !== undefined
    const isGenerated = rate !== undefined && given === undefined && !isNamed
    const trace = isGenerated
      ? { ...config.trace, path: undefined, rate, duration_sec: this.durationSec(config) }
      : config.trace
    const own = { ...config, trace }
    const key = JSON.stringify([trace, config.workload, rate])
    let traffic = this.known.get(key)
    if (traffic === undefined) {
      traffic = isGenerated ? this.generated(own, rate) : this.load(own, rate)
      this.known.set(key, traffic)
    }
    const { moved, ...found } = await traffic
    const events = moved === undefined ? own.events : moveEvents(own.events, moved)
    return { config: { ...own, events }, ...found }
  }

  private async generated(config: Config, rate: number): Promise<Requests> {
    const generator = await generatorOf(config, this.options.configPath)
    if (generator === undefined || !('clients' in generator)) {
      return { workload: generatedWorkload(config.trace), hash: undefined }
    }
    const durationSec = this.durationSec(config)
    const workload = generatedWorkload(atRequestRate({ ...generator, durationSec }, rate))
    return { workload, hash: undefined }
  }

  private async load(config: Config, rate: number | undefined): Promise<Requests> {
    const { options } = this
    // Read once for all rates.
    const base =
      rate === undefined
        ? await loadWorkload(config, options.trace, options, options.configPath)
        : (await this.at(config, undefined)).workload
    if (base.isSeeded) {
      // Of a trace with Poisson arrivals: those of the rate, not rescaled ones.
      const isAtRate = rate !== undefined && base.generator === undefined
      const timed = { ...options, rateRps: rate }
      const workload = isAtRate
        ? await loadWorkload(config, options.trace, timed, options.configPath)
        : base
      if (base.generator !== undefined) return { workload, hash: undefined }
      // It differs with the seed, but what it is made from is in the arrivals of any.
      const hash = requestsHash(await workload.requests(0, options.signal))
      const ownRps = options.rateRps ?? config.trace.rate
      if (!isAtRate || ownRps === undefined) return { workload, hash }
      return { workload, hash, moved: { fromMs: 0, factor: ownRps / rate } }
    }
    const table = await base.requests(0, options.signal)
    if (rate === undefined) return { workload: base, hash: requestsHash(table) }
    const scaled = retimeTrace(table, { arrivals: 'rescaled', rateRps: rate })
    const workload = fixedWorkload(scaled, base.description, base.notes)
    return { workload, hash: requestsHash(scaled), moved: movedFrom(table, scaled) }
  }
}

function movedFrom(from: RequestTable, to: RequestTable): MovedTimes {
  const [firstMs = 0] = from.arrivalMs
  const spanMs = (from.arrivalMs.at(-1) ?? 0) - firstMs
  return { fromMs: firstMs, factor: spanMs === 0 ? 1 : to.arrivalMs.at(-1)! / spanMs }
}
