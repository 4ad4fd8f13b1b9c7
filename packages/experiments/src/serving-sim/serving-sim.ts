import { closeSync, openSync, readSync } from 'node:fs'
import { RouteSimError, type RunResult } from '@routesim/core'
import type { LoadRow, RunSummary } from '@routesim/metrics'
import { buildFleet } from '../cluster/build-cluster.js'
import { configFiles } from '../config/config-files.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { Control } from '../run/execute.js'
import { resolveAlgorithms } from '../run/resolve-algorithms.js'
import { visibilitiesOf } from '../run/scenario.js'
import { openLog } from '../sweep/open-log.js'
import type { SweepRun } from '../sweep/plan-sweep.js'
import { pointKeys } from '../sweep/point-key.js'
import { placesOf, runSweep } from '../sweep/run-sweep.js'
import type { SweepPoint } from '../sweep/sweep-points.js'
import { combinations, flagsOf, type ServingSimAxes, type ServingSimPoint } from './combinations.js'
import { readInstances } from './instances.js'
import { routerPair } from './policies.js'
import { resultRow } from './result-row.js'
import {
  instanceDefaults,
  type ServingSimFleet,
  type ServingSimTransfer,
  toConfig,
} from './to-config.js'
import { type ArrivingRequests, requestsAtRates, type ServingSimTraffic } from './traffic.js'

/** Options of {@link servingSim}, after the flags of the serving simulator. */
export interface ServingSimOptions extends Control {
  /** What is gone through. */
  readonly axes: ServingSimAxes
  readonly traffic: ServingSimTraffic
  /** JSON configs of the instances; the serving simulator's own without. */
  readonly prefillConfig?: string | undefined
  readonly decodeConfig?: string | undefined
  /** A name in the catalogue, with or without an organisation, or the path of a `config.json`. */
  readonly model: string
  readonly kvTransfer: ServingSimTransfer
  /** Folder in which routers, local policies (`NAME.ts`) and models (`NAME.json`) are looked for first. */
  readonly extensions?: string | undefined
  /** Simulations at once; by default as many as the work is worth. */
  readonly jobs?: number | undefined
  /** Result log to which each combination is appended when it is done. */
  readonly checkpoint?: string | undefined
  /** Does only what is missing there. */
  readonly resume?: boolean | undefined
  /** Looks at all instances so often, in ms of virtual time. */
  readonly sampleIntervalMs?: number | undefined
  /** Whether `onRun` hears of single requests: runs then go on one after another. */
  readonly perRequest?: boolean | undefined
  /** Hears of each run when it is over, not of those in the checkpoint. */
  readonly onRun?: (run: ServingSimRun) => void
}

/** One run that is over. */
export interface ServingSimRun {
  /** Its place among all combinations. */
  readonly index: number
  readonly point: ServingSimPoint
  /** Prefill instances are the first backends. */
  readonly prefillInstances: number
  readonly result: RunSummary
  readonly samples: readonly LoadRow[]
  /** What became of each request, where it was asked for. */
  readonly requests: RunResult | undefined
}

/** One combination and its result. */
export interface ServingSimResult extends SweepPoint {
  readonly rate: number
  readonly result: RunSummary
}

/** What {@link servingSim} found. */
export interface ServingSimReport {
  /** Finished combinations in their order, by the columns of `results.csv`. */
  readonly rows: readonly Readonly<Record<string, string | number | null>>[]
  /** The same as the points of a sweep. */
  readonly points: readonly ServingSimResult[]
  readonly failures: readonly { readonly point: string; readonly message: string }[]
  /** How many there are, and of these in the checkpoint. */
  readonly combinations: number
  readonly known: number
  /** Lines of the checkpoint that were torn, and left out. */
  readonly tornLines: number
  readonly interrupted: boolean
}

/**
 * Simulates separate pools that prefill and decode under each combination of policies at the four points
 * of decision: where to prefill and in which order, where to decode and in which order.
 *
 * @throws RouteSimError when a file, a policy or a number is faulty
 */
export async function servingSim(options: ServingSimOptions): Promise<ServingSimReport> {
  const { axes, traffic, signal, jobs, onProgress, onRun } = options
  checkCheckpoint(options.checkpoint)
  const fleet = await readFleet(options)
  const points = combinations(axes)
  const pairs = pairsOf(points)
  const choices = await Promise.all(
    pairs.map(([prefill, decode]) => routerPair(prefill, decode, options.extensions)),
  )
  // Mistakes show before the trace is read.
  const [first] = points.map((point) => toConfig(fleet, point))
  resolveAlgorithms(choices, first!, visibilitiesOf(undefined, first!))
  const prefillInstances = buildFleet(first!).cluster.backends.filter(
    ({ role }) => role === 'prefill',
  ).length
  const requests = await requestsAtRates(traffic, axes.lambdaArrival, signal)
  const runs = points.map((point) => planned(point, fleet, pairs, choices, requests))
  const { known, tornLines, log } = await openLog(
    options.checkpoint,
    options.resume,
    placesOf(runs),
  )
  const before = runs.filter(({ key }) =>
    known.get(key)?.some(({ status }) => status === 'ok'),
  ).length
  let latest: RunResult | undefined
  try {
    const records = await runSweep(runs, {
      choices,
      stepper: 'fast',
      perRequest: true,
      visibility: undefined,
      sampleIntervalMs: options.sampleIntervalMs,
      jobs,
      known,
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(options.perRequest === true && {
        observer: {
          finished(result: RunResult) {
            latest = result
          },
        },
      }),
      isWanted: () => true,
      onRecord: (record) => log?.append(record),
      onExecuted: (index, { summary: result, samples = [] }) =>
        onRun?.({
          ...{ index, point: points[index]!, prefillInstances, result, samples },
          requests: latest,
        }),
    })
    const told = report(points, records, options)
    const isStopped = signal?.aborted === true && records.size < runs.length
    return {
      ...{ ...told, combinations: runs.length, known: before, tornLines },
      interrupted: isStopped,
    }
  } finally {
    log?.close()
  }
}

/** First byte of a pickle, as the serving simulator writes it. */
const PICKLE = 0x80

/** @throws RouteSimError `log_unreadable` for a checkpoint of the serving simulator itself */
function checkCheckpoint(path: string | undefined): void {
  if (path === undefined || firstByteOf(path) !== PICKLE) return
  throw new RouteSimError<ExperimentsErrorCode>(
    `${path}: expected a result log (JSON lines), got a Python pickle`,
    {
      code: 'log_unreadable',
      path,
      hint: 'Name another file: results of Python can not be resumed.',
    },
  )
}

/** Undefined where there is none to read: what is wrong then is told when the log is opened. */
function firstByteOf(path: string): number | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const first = Buffer.alloc(1)
      return readSync(file, first) === 0 ? undefined : first[0]
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

async function readFleet(options: ServingSimOptions): Promise<ServingSimFleet> {
  const { prefillConfig, decodeConfig, kvTransfer, extensions, traffic } = options
  const defaults = instanceDefaults(options.model, extensions)
  return {
    prefill: await readInstances(prefillConfig, 'prefill', defaults),
    decode: await readInstances(decodeConfig, 'decode', defaults),
    ...{ defaults, kvTransfer, extensions, seed: traffic.seed },
  }
}

type Pair = readonly [prefill: string, decode: string]

function pairsOf(points: readonly ServingSimPoint[]): Pair[] {
  const pairs = points.map(({ prefillGlobal, decodeGlobal }) => [prefillGlobal, decodeGlobal])
  const unique = new Map(pairs.map((pair) => [pair.join('+'), pair as unknown as Pair]))
  return [...unique.values()]
}

function planned(
  point: ServingSimPoint,
  fleet: ServingSimFleet,
  pairs: readonly Pair[],
  choices: readonly Awaited<ReturnType<typeof routerPair>>[],
  requests: ReadonlyMap<number, ArrivingRequests>,
): SweepRun {
  const config = toConfig(fleet, point)
  const { workload, hash } = requests.get(point.lambdaArrival)!
  const { seed } = fleet
  const algorithm = pairs.findIndex(
    ([prefill, decode]) => prefill === point.prefillGlobal && decode === point.decodeGlobal,
  )
  const choice = choices[algorithm]!
  const [visibility] = visibilitiesOf(undefined, config)
  const files = configFiles(config, undefined)
  const identity = {
    config,
    algorithm: choice,
    visibility: visibility!,
    seed,
    requests: hash,
    files,
  }
  return {
    settings: flagsOf(point),
    rate: point.lambdaArrival,
    algorithm,
    label: choice.label!,
    seed,
    ...pointKeys({ ...identity, stepper: 'fast', perRequest: true }),
    made: { scenario: { config }, workload, requestsHash: hash, files },
  }
}

function report(
  combined: readonly ServingSimPoint[],
  records: Awaited<ReturnType<typeof runSweep>>,
  { traffic, prefillConfig = 'built in', decodeConfig = 'built in' }: ServingSimOptions,
): Pick<ServingSimReport, 'rows' | 'points' | 'failures'> {
  const source = {
    request_source: traffic.source,
    prefill_config: prefillConfig,
    decode_config: decodeConfig,
  }
  const rows: ServingSimReport['rows'][number][] = []
  const points: ServingSimResult[] = []
  const failures: ServingSimReport['failures'][number][] = []
  for (const [i, point] of combined.entries()) {
    const record = records.get(i)
    const flags = flagsOf(point)
    const { lambdaArrival: rate } = point
    if (record?.status === 'ok') {
      rows.push(resultRow(flags, rate, source, record.result))
      points.push({ settings: flags, rate, result: record.result })
    } else if (record !== undefined) {
      const named = Object.values({ rate, ...flags }).join(', ')
      failures.push({ point: named, message: record.error.message })
    }
  }
  if (rows.length === 0 && failures.length > 0) {
    throw new RouteSimError(failures[0]!.message, { code: 'run_failed' })
  }
  return { rows, points, failures }
}
