import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { RouteSimError } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import type { LoadMetrics } from './load-metrics.js'
import { type BenchOptions, runBench } from './run-bench.js'
import { syntheticWorkload } from './synthetic-workload.js'
import { type PlotSeries, twoPanelPlot } from './two-panel-plot.js'

/** A sweep over the share of prompts that is shared. */
export interface PrefixRatioOptions
  extends Pick<BenchOptions, 'target' | 'signal' | 'onProgress' | 'requests'> {
  readonly prefixRatios: readonly number[]
  readonly isl: number
  readonly osl: number
  readonly numPrefixPrompts: number
  readonly concurrency: number
  /** Of the first ratio; each ratio has the next. */
  readonly seed: number
  readonly outputDir: string
  readonly model: string
  /** What the plot calls it. */
  readonly label: string
  readonly onRatio?: ((ratio: number, metrics: LoadMetrics) => void) | undefined
}

/** What `results_summary.json` holds. */
export interface PrefixRatioSummary {
  readonly prefix_ratios: readonly number[]
  /** Mean TTFT in ms. */
  readonly ttft_values: readonly number[]
  /** Output tokens per second. */
  readonly throughput_values: readonly number[]
  /** P99 of the schedule lag in ms. */
  readonly schedule_lag_p99_values: readonly number[]
  readonly errors: readonly number[]
  readonly config: Readonly<Record<string, unknown>>
}

/** Lengths vary by a quarter of their mean. */
const LENGTH_SPREAD = 0.25

/**
 * Dynamo's prefix_ratio_benchmark.py: a closed loop for each prefix ratio; files per ratio,
 * `results_summary.json` and a plot.
 */
export async function prefixRatioBench(options: PrefixRatioOptions): Promise<PrefixRatioSummary> {
  const { prefixRatios, isl, osl, numPrefixPrompts, requests, concurrency, outputDir } = options
  const results: LoadMetrics[] = []
  await mkdir(outputDir, { recursive: true })
  for (const [i, prefixRatio] of prefixRatios.entries()) {
    const seed = options.seed + i
    const { metrics } = await runBench({
      target: options.target,
      requests,
      concurrency,
      isOpenLoop: false,
      speedup: 1,
      seed,
      folder: join(outputDir, `prefix_ratio_${prefixRatio}_seed_${seed}`),
      inputConfig: { prefixRatio, isl, osl, numPrefixPrompts, requests, concurrency, seed },
      signal: options.signal,
      onProgress: options.onProgress,
      workload: (share) =>
        syntheticWorkload({
          requests: share,
          isl,
          osl,
          prefixRatio,
          numPrefixPrompts,
          lengthSpread: LENGTH_SPREAD,
          seed,
        }),
    })
    results.push(metrics)
    options.onRatio?.(prefixRatio, metrics)
    if (options.signal?.aborted === true) break
  }
  const figure = (tag: string, statistic: 'avg' | 'p99' = 'avg'): number[] =>
    results.map((metrics) => metrics[tag]?.[statistic] ?? 0)
  const summary: PrefixRatioSummary = {
    prefix_ratios: prefixRatios.slice(0, results.length),
    ttft_values: figure('time_to_first_token'),
    throughput_values: figure('output_token_throughput'),
    schedule_lag_p99_values: figure('schedule_lag', 'p99'),
    errors: figure('error_request_count'),
    config: {
      label: options.label,
      model: options.model,
      isl,
      osl,
      requests,
      concurrency,
      num_prefix_prompts: numPrefixPrompts,
      initial_seed: options.seed,
    },
  }
  await writeFile(
    join(outputDir, 'results_summary.json'),
    `${JSON.stringify(summary, undefined, 2)}\n`,
  )
  await writeFile(
    join(outputDir, 'prefix_ratio_performance.svg'),
    twoPanelPlot([seriesOf(summary, options.label)]),
  )
  return summary
}

function seriesOf(summary: PrefixRatioSummary, label: string): PlotSeries {
  return {
    label,
    ratios: summary.prefix_ratios,
    ttftMs: summary.ttft_values,
    throughput: summary.throughput_values,
  }
}

/**
 * Overlays the results of several sweeps in one plot.
 *
 * @param paths - of `results_summary.json` files; each is called as its config or its folder says
 * @throws RouteSimError `bench_failed` when one can not be read
 */
export async function overlayPlot(paths: readonly string[]): Promise<string> {
  const series = await Promise.all(
    paths.map(async (path) => {
      try {
        const summary = JSON.parse(await readFile(path, 'utf8')) as PrefixRatioSummary
        return seriesOf(summary, String(summary.config['label'] ?? basename(dirname(path))))
      } catch (cause) {
        throw new RouteSimError<LiveErrorCode>(
          `${path}: expected a results_summary.json of bench prefix-ratio`,
          { code: 'bench_failed', path, cause },
        )
      }
    }),
  )
  return twoPanelPlot(series)
}
