import { resolve } from 'node:path'
import { RouteSimError } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import type { Stepper } from '../cluster/build-cluster.js'
import type { ConfigFile } from '../config/config-files.js'
import { besideConfig } from '../config/locate-files.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { type PortableAlgorithm, toPortableAlgorithm } from '../parallel/portable-algorithm.js'
import type { PortableError } from '../parallel/portable-error.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import type { SweepRun } from '../sweep/plan-sweep.js'
import type { TrafficOptions } from '../sweep/traffic.js'
import type { TraceOptions } from '../workload/load-workload.js'

/** Where the requests of a run come from, at another machine. */
export interface QueuedTraffic {
  /** Absolute path of a trace; without one they are generated as the config says. */
  readonly path: string | undefined
  readonly traceFormat: string | undefined
  readonly onError: 'fail' | 'skip' | undefined
  readonly cache: boolean | undefined
  readonly arrivals: TraceOptions['arrivals']
  readonly rateRps: number | undefined
}

/** One run of a sweep as data: all that another machine needs to do it. */
export interface QueuedRun {
  readonly key: string
  /** What messages call it. */
  readonly label: string
  readonly config: Config
  /** Files that the config names. */
  readonly files: readonly ConfigFile[]
  readonly traffic: QueuedTraffic
  readonly rate: number | undefined
  /** Hash of the requests when they come from a trace. */
  readonly requestsHash: string | undefined
  readonly algorithms: readonly PortableAlgorithm[]
  /** Index of the algorithm, those of one choice next to each other. */
  readonly algorithm: number
  readonly visibility: string | readonly string[] | undefined
  readonly seed: number
  readonly stepper: Stepper
  readonly perRequest: boolean
}

/** What came of a run that was simulated. */
export type QueuedOutcome =
  | { readonly status: 'ok'; readonly result: RunSummary }
  | { readonly status: 'failed'; readonly error: PortableError }

/** What the runs of a sweep have in common. */
export interface QueuedSweep {
  readonly traffic: TrafficOptions
  readonly choices: readonly AlgorithmChoice[]
  readonly visibility: string | readonly string[] | undefined
  readonly stepper: Stepper
  readonly perRequest: boolean
}

/**
 * Makes data of runs.
 * @throws RouteSimError `queue_invalid` for requests or routers that live in this process only
 */
export class RunPacker {
  private readonly sweep: QueuedSweep
  private readonly algorithms: readonly PortableAlgorithm[]

  constructor(sweep: QueuedSweep) {
    this.sweep = sweep
    checkTravels(sweep.traffic.trace)
    this.algorithms = sweep.choices.map((choice) => {
      const portable = toPortableAlgorithm(choice)
      if (portable !== undefined) return portable
      throw stays('a router of this process', 'put it in a file and give it with loadAlgorithm')
    })
  }

  /** @param run - one that could be made */
  pack({ made, key, label, rate, algorithm, seed }: SweepRun): QueuedRun {
    if ('error' in made) throw made.error
    const { visibility, stepper, perRequest } = this.sweep
    const { config } = made.scenario
    return {
      ...{ key, label: `${label}, seed ${seed}`, config, files: made.files },
      traffic: this.trafficOf(config),
      requestsHash: made.requestsHash,
      ...{ rate, algorithms: this.algorithms, algorithm, visibility, seed, stepper, perRequest },
    }
  }

  private trafficOf({ trace }: Config): QueuedTraffic {
    const { trace: given, configPath, ...options } = this.sweep.traffic
    const { traceFormat, onError, cache, arrivals, rateRps } = options
    const beside = trace.path === undefined ? undefined : besideConfig(trace.path, configPath)
    const path = typeof given === 'string' ? given : beside
    const absolute = path === undefined ? undefined : resolve(path)
    return { path: absolute, traceFormat, onError, cache, arrivals, rateRps }
  }
}

/** @throws RouteSimError `queue_invalid` for requests that live in this process only */
export function checkTravels(trace: TrafficOptions['trace']): void {
  if (trace === '-') throw stays('a trace from standard input', 'save the trace as a file')
  if (typeof trace === 'object') throw stays('a table of requests', 'write it to a trace file')
}

function stays(what: string, mend: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`queue: ${what} can not go to other machines`, {
    code: 'queue_invalid',
    path: 'queue',
    hint: `To share this sweep, ${mend}.`,
  })
}
