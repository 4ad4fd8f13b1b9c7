import type { ClusterSpec, RequestTable } from '@routesim/core'
import type { Config } from '@routesim/experiments'
import { runLoad } from '../bench/load-client.js'
import { type LoadMetrics, loadMetrics } from '../bench/load-metrics.js'
import type { LoadRun } from '../bench/request-measurement.js'
import { simulateLoad } from '../bench/simulate-load.js'
import { startMockWorkers } from '../mock/mock-workers.js'
import {
  loadAlgorithmFactory,
  makeAlgorithm,
  serveDifferently,
} from '../router/load-algorithm-factory.js'
import { checkRouterConfig } from '../router/router-config.js'
import { startRouter } from '../router/router-server.js'
import { type LiveKnowledge, visibilityOf } from './visibility-of.js'

/** One workload, twice: live against mock or real workers, and simulated. */
export interface TwinOptions extends LiveKnowledge {
  readonly cluster: ClusterSpec
  readonly prefixCaching: boolean
  /** As on the command line. */
  readonly algorithm: string
  /** Its parameters where the command line has none, by algorithm. */
  readonly algorithms?: Config['algorithms'] | undefined
  readonly requests: RequestTable
  readonly concurrency?: number | undefined
  /** Whether requests come at their times of arrival. */
  readonly isOpenLoop: boolean
  readonly seed: number
  /**
   * How fast time passes in the live run, against reality: at 0.5 what the machine itself takes weighs half.
   * Figures are in the time of the workers.
   */
  readonly pace: number
  /** A live target instead of mock workers and a router of our own. */
  readonly url?: string | undefined
  readonly model: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((ended: number) => void) | undefined
}

/** A figure of both runs. */
export interface TwinFigure {
  readonly metric: string
  readonly unit: string
  readonly live: number
  readonly simulated: number
  /** live / simulated - 1; NaN when there is nothing to compare. */
  readonly difference: number
}

/** What the two runs have in common, and what not. */
export interface TwinReport {
  readonly figures: readonly TwinFigure[]
  readonly live: LoadRun
  readonly simulated: LoadRun
  readonly liveMetrics: LoadMetrics
  readonly simulatedMetrics: LoadMetrics
  /** CPU time of this process per second of the live run: at 1 and more, the machine is the limit. */
  readonly cpuShare: number
}

/** Figures that are compared: tag and statistic. */
const COMPARED = [
  ['time_to_first_token', 'avg'],
  ['time_to_first_token', 'p50'],
  ['time_to_first_token', 'p99'],
  ['inter_token_latency', 'avg'],
  ['request_latency', 'avg'],
  ['request_latency', 'p99'],
  ['output_token_throughput', 'avg'],
  ['request_throughput', 'avg'],
  ['usage_prompt_cache_read_tokens', 'avg'],
] as const

/**
 * Runs a workload live and simulated with the same settings; the simulated router sees what the live one does.
 *
 * @throws RouteSimError when the algorithm is unknown, an address is in use, or zeromq is missing
 */
export async function twin(options: TwinOptions): Promise<TwinReport> {
  const create = await loadAlgorithmFactory(options.algorithm, options.algorithms)
  const { cluster, requests, concurrency, isOpenLoop, seed } = options
  const roles = new Set(cluster.backends.map(({ role }) => role))
  const router = makeAlgorithm(create, roles.has('prefill') || roles.has('decode'), () =>
    serveDifferently(cluster.backends),
  )
  const simulated = simulateLoad({
    cluster,
    requests,
    router,
    concurrency,
    isOpenLoop,
    visibility: visibilityOf(options),
    seed,
    speedup: 1,
  })
  const { live: measured, cpuShare } = await runLive(options)
  const live = inTimeOfWorkers(measured, options.pace)
  const liveMetrics = loadMetrics(live)
  const simulatedMetrics = loadMetrics(simulated)
  const figures = COMPARED.map(([metric, statistic]) => {
    const [own, other] = [liveMetrics[metric], simulatedMetrics[metric]]
    const [a, b] = [own?.[statistic] ?? Number.NaN, other?.[statistic] ?? Number.NaN]
    return {
      metric: statistic === 'avg' ? metric : `${metric} ${statistic}`,
      unit: own?.unit ?? other?.unit ?? '',
      live: a,
      simulated: b,
      difference: b === 0 ? Number.NaN : a / b - 1,
    }
  })
  return { figures, live, simulated, liveMetrics, simulatedMetrics, cpuShare }
}

/** A run as its workers saw it, whose time passed at another pace. */
function inTimeOfWorkers(run: LoadRun, pace: number): LoadRun {
  if (pace === 1) return run
  const measurements = run.measurements.map((request) => ({
    ...request,
    scheduledMs: request.scheduledMs * pace,
    sentMs: request.sentMs * pace,
    firstTokenMs: request.firstTokenMs * pace,
    secondTokenMs: request.secondTokenMs * pace,
    endMs: request.endMs * pace,
  }))
  return { ...run, measurements }
}

async function runLive(options: TwinOptions): Promise<{ live: LoadRun; cpuShare: number }> {
  const { requests, concurrency, isOpenLoop, seed, pace, model, signal, onProgress } = options
  const fleet = options.url === undefined ? await startFleet(options) : undefined
  const before = process.cpuUsage()
  const startMs = performance.now()
  try {
    const live = await runLoad({
      url: options.url ?? fleet!.url,
      requests,
      // Ids, so that prompts have exactly the lengths of the workload.
      endpoint: 'completions',
      sendsIds: true,
      model,
      concurrency,
      isOpenLoop,
      speedup: pace,
      seed,
      timeoutMs: 3_600_000,
      signal,
      onProgress,
    })
    const { user, system } = process.cpuUsage(before)
    return { live, cpuShare: (user + system) / 1000 / (performance.now() - startMs) }
  } finally {
    await fleet?.close()
  }
}

async function startFleet(options: TwinOptions): Promise<{ url: string; close(): Promise<void> }> {
  const { cluster, prefixCaching, kvIndex, algorithm, metricsIntervalMs, seed, model, pace } =
    options
  const host = '127.0.0.1'
  const mocks = await startMockWorkers({
    cluster,
    prefixCaching,
    host,
    model,
    seed,
    port: 0,
    speedup: pace,
    startupMs: 0,
    defaultMaxTokens: 16,
    kvEvents:
      kvIndex === 'events'
        ? { port: 0, replayPort: 0, topic: '', bufferedBatches: 10_000 }
        : undefined,
  })
  try {
    const router = await startRouter({
      host,
      port: 0,
      adminPort: 0,
      algorithms: options.algorithms,
      config: checkRouterConfig({
        algorithm,
        seed,
        kv_index: kvIndex,
        block_tokens: cluster.backends[0]!.kv.blockTokens,
        metrics_interval_ms: Math.round(metricsIntervalMs / pace),
        max_in_flight: 1_000_000,
        workers: mocks.workers.map(({ url, role, kvEvents, kvReplay }, i) => {
          const { maxQueueDepth, maxNumSeqs, maxBatchTokens, kv } = cluster.backends[i]!
          return {
            url,
            role,
            max_queue_depth: maxQueueDepth,
            max_num_seqs: maxNumSeqs,
            max_batch_tokens: maxBatchTokens,
            kv_tokens: kv.blocks * kv.blockTokens,
            ...(kvEvents === undefined ? {} : { kv_events: kvEvents }),
            ...(kvReplay === undefined ? {} : { kv_replay: kvReplay }),
          }
        }),
      }),
    })
    const close = async (): Promise<void> => {
      await router.close(0)
      await mocks.close(0)
    }
    return { url: router.url, close }
  } catch (error) {
    await mocks.close(0)
    throw error
  }
}
