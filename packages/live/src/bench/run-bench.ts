import type { ClusterSpec, RequestTable } from '@routesim/core'
import type { Endpoint } from '../openai/completion-request.js'
import type { AlgorithmFactory } from '../router/load-algorithm-factory.js'
import { runLoad } from './load-client.js'
import { combineMetrics, type LoadMetrics } from './load-metrics.js'
import type { LoadRun } from './request-measurement.js'
import { simulateLoad } from './simulate-load.js'
import { writeArtifacts } from './write-artifacts.js'

/** What is loaded: servers, or a simulated cluster behind a simulated router. */
export type BenchTarget =
  | {
      readonly kind: 'live'
      readonly urls: readonly string[]
      readonly model: string
      readonly endpoint: Endpoint
      readonly sendsIds: boolean
      readonly apiKey?: string | undefined
      readonly timeoutMs: number
      /** Whether servers are told how long answers will be, as Dynamo's router takes it. */
      readonly tellsOutput?: boolean | undefined
    }
  | { readonly kind: 'simulated'; readonly cluster: ClusterSpec; readonly router: AlgorithmFactory }

/** One run of a load. */
export interface BenchOptions {
  readonly target: BenchTarget
  /** Makes the requests of one of several servers. @param share - how many */
  readonly workload: (share: number) => RequestTable
  readonly requests: number
  readonly concurrency?: number | undefined
  readonly isOpenLoop: boolean
  /** Arrivals come so many times as fast. */
  readonly speedup: number
  readonly seed: number
  /** Where files are written; nowhere when absent. With several servers, a folder for each. */
  readonly folder?: string | undefined
  readonly inputConfig: Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((ended: number, of: number) => void) | undefined
}

/** What came of it. */
export interface BenchResult {
  /** Of all servers: means of latencies, sums of rates. */
  readonly metrics: LoadMetrics
  readonly runs: readonly LoadRun[]
}

/**
 * Loads a target and writes what AIPerf would. Several servers get equal shares of the requests, the first
 * the remainder, and of the concurrency, each at least 1, at the same time.
 */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { target, requests, folder, inputConfig } = options
  const urls = target.kind === 'live' ? target.urls : [undefined]
  const shares = urls.map(
    (_, i) => Math.floor(requests / urls.length) + (i === 0 ? requests % urls.length : 0),
  )
  const ended = urls.map(() => 0)
  const runs = await Promise.all(
    urls.map((url, i) =>
      runOne(options, url, shares[i]!, urls.length, (count) => {
        ended[i] = count
        options.onProgress?.(
          ended.reduce((sum, each) => sum + each, 0),
          requests,
        )
      }),
    ),
  )
  if (folder !== undefined) {
    const folderOf = (i: number): string => (urls.length === 1 ? folder : `${folder}_url_${i}`)
    await Promise.all(runs.map((run, i) => writeArtifacts(folderOf(i), run, inputConfig)))
  }
  return { runs, metrics: combineMetrics(runs) }
}

async function runOne(
  options: BenchOptions,
  url: string | undefined,
  share: number,
  servers: number,
  onProgress: (ended: number) => void,
): Promise<LoadRun> {
  const { target, workload, isOpenLoop, speedup, seed, signal } = options
  const concurrency =
    options.concurrency === undefined
      ? undefined
      : Math.max(1, Math.floor(options.concurrency / servers))
  const requests = workload(share)
  if (target.kind === 'simulated') {
    const { cluster } = target
    return simulateLoad({
      cluster,
      requests,
      router: target.router(),
      concurrency,
      isOpenLoop,
      speedup,
      seed,
    })
  }
  const { model, endpoint, sendsIds, apiKey, timeoutMs, tellsOutput } = target
  return runLoad({
    url: url!,
    requests,
    endpoint,
    sendsIds,
    model,
    apiKey,
    timeoutMs,
    tellsOutput,
    concurrency,
    isOpenLoop,
    speedup,
    seed,
    signal,
    onProgress,
  })
}
