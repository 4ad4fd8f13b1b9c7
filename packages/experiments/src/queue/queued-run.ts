import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { RouteSimError } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import type { Stepper } from '../cluster/build-cluster.js'
import { besideConfig, withFilePaths } from '../config/locate-files.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { type PortableAlgorithm, toPortableAlgorithm } from '../parallel/portable-algorithm.js'
import type { PortableError } from '../parallel/portable-error.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import type { SweepRun } from '../sweep/plan-sweep.js'
import type { TrafficOptions } from '../sweep/traffic.js'

/** Where the requests of a run come from, at another machine. */
export interface QueuedTraffic {
  /** Absolute path of a trace; without one they are generated as the config says. */
  readonly path: string | undefined
  readonly traceFormat: string | undefined
  readonly onError: 'fail' | 'skip' | undefined
  readonly cache: boolean | undefined
}

/** One run of a sweep as data: all that another machine needs to do it. */
export interface QueuedRun {
  readonly key: string
  /** What messages call it. */
  readonly label: string
  readonly config: Config
  /** Absolute paths of the files that the config names, with the SHA-256 of each. */
  readonly files: Readonly<Record<string, string>>
  /** Directory to which paths of the config are relative. */
  readonly directory: string
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
  private readonly hashes = new Map<string, string>()

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
      ...{ key, label: `${label}, seed ${seed}`, config, directory: process.cwd() },
      files: this.filesOf(config),
      traffic: this.trafficOf(config, rate),
      requestsHash: made.requestsHash,
      ...{ rate, algorithms: this.algorithms, algorithm, visibility, seed, stepper, perRequest },
    }
  }

  private trafficOf({ trace }: Config, rate: number | undefined): QueuedTraffic {
    const { trace: given, traceFormat, onError, cache, configPath } = this.sweep.traffic
    const own = rate === undefined ? trace.path : undefined
    const beside = own === undefined ? undefined : besideConfig(own, configPath)
    const path = typeof given === 'string' ? given : beside
    return { path: path === undefined ? path : resolve(path), traceFormat, onError, cache }
  }

  private filesOf(config: Config): Record<string, string> {
    const files: Record<string, string> = {}
    withFilePaths(config, (path) => {
      const absolute = resolve(path)
      const hash = this.hashes.get(absolute) ?? fileHash(absolute)
      this.hashes.set(absolute, hash)
      files[absolute] = hash
      return path
    })
    return files
  }
}

/** @throws RouteSimError `queue_invalid` for requests that live in this process only */
export function checkTravels(trace: TrafficOptions['trace']): void {
  if (trace === '-') throw stays('a trace from standard input', 'save the trace as a file')
  if (typeof trace === 'object') throw stays('a table of requests', 'write it to a trace file')
}

/** SHA-256 of a file; nothing for one that can not be read. */
export function fileHash(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch {
    return ''
  }
}

function stays(what: string, mend: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`queue: ${what} can not go to other machines`, {
    code: 'queue_invalid',
    hint: `To share this sweep, ${mend}.`,
  })
}
