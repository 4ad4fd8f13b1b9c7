import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadMetrics } from './load-metrics.js'
import { type BenchOptions, type BenchResult, runBench } from './run-bench.js'
import { syntheticWorkload } from './synthetic-workload.js'

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
  /** Kept beside the results; prompts are counted in bytes, without one. The model's if absent. */
  readonly tokenizer?: string | undefined
  /** What the plot calls it. */
  readonly label: string
  readonly onRatio?: ((ratio: number, result: BenchResult) => void) | undefined
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
 * and `results_summary.json`, from which `@routesim/report` draws the plot.
 */
export async function prefixRatioBench(options: PrefixRatioOptions): Promise<PrefixRatioSummary> {
  const { prefixRatios, isl, osl, numPrefixPrompts, requests, concurrency, outputDir } = options
  const results: LoadMetrics[] = []
  await mkdir(outputDir, { recursive: true })
  for (const [i, prefixRatio] of prefixRatios.entries()) {
    const seed = options.seed + i
    const result = await runBench({
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
    // A ratio that was stopped amid its requests has its own files, and no place in the summary.
    if (options.signal?.aborted === true) break
    results.push(result.metrics)
    options.onRatio?.(prefixRatio, result)
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
      tokenizer: options.tokenizer ?? options.model,
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
  return summary
}
