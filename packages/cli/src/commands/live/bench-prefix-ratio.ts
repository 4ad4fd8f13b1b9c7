import { join } from 'node:path'
import { prefixRatioBench } from '@routesim/live'
import type { CommandModule } from 'yargs'
import { writeBytes } from '../../output/write-report.js'
import { UsageError } from '../../usage-error.js'
import { stopped } from '../stopped.js'
import {
  BENCH_OPTIONS,
  type BenchArguments,
  checkAnswered,
  labelOf,
  makeFolder,
  targetOf,
  warnOfLag,
} from './bench-options.js'
import { checkNumbers } from './check-numbers.js'
import { interruptible } from './stop-signal.js'

interface PrefixRatioArguments extends BenchArguments {
  prefixRatios: readonly string[]
  tokenizer?: string
  isl: number
  osl: number
  requests: number
  concurrency: number
  numPrefixPrompts: number
  outputDir: string
  label?: string
}

const number = (fallback: number, describe: string) =>
  ({ type: 'number', default: fallback, requiresArg: true, describe }) as const

/** `routesim bench prefix-ratio`: a sweep over the share of prompts that is shared. */
export const benchPrefixRatio: CommandModule<object, PrefixRatioArguments> = {
  command: 'prefix-ratio',
  describe: "Sweep over prefix ratios, as Dynamo's router benchmark",
  builder: (yargs) =>
    yargs
      .options(BENCH_OPTIONS)
      .options({
        'prefix-ratios': {
          type: 'string',
          array: true,
          default: ['0.1', '0.3', '0.5', '0.7', '0.9'],
          requiresArg: true,
          describe: 'Shares of the prompt that are a prefix out of the pool',
        },
        tokenizer: {
          type: 'string',
          requiresArg: true,
          describe: 'Name kept with the results; prompts have four bytes per token',
        },
        isl: number(14_000, 'Mean prompt tokens'),
        osl: number(200, 'Mean output tokens'),
        requests: number(200, 'Requests per ratio'),
        concurrency: number(20, 'Requests in flight'),
        'num-prefix-prompts': number(20, 'Prefixes in the pool'),
        'output-dir': {
          alias: 'o',
          type: 'string',
          default: 'kv_router',
          requiresArg: true,
          describe: 'Folder for results_summary.json, the plot, and the files of each ratio',
        },
        label: { type: 'string', requiresArg: true, describe: 'What the plot calls it' },
      })
      .example('$0 bench prefix-ratio --url http://127.0.0.1:8000', '') as never,
  handler: async (args) => {
    checkNumbers(args, {
      ...{ isl: 'count', osl: 'count', requests: 'requests', concurrency: 'count' },
      numPrefixPrompts: 'count',
    })
    const words = args.prefixRatios.flatMap((word) => word.split(/[,\s]+/))
    const prefixRatios = words.map((word) => (word === '' ? Number.NaN : Number(word)))
    if (!prefixRatios.every((ratio) => ratio >= 0 && ratio <= 1)) {
      throw new UsageError(
        `--prefix-ratios: expected numbers from 0 to 1, got "${words.join(' ')}"`,
      )
    }
    const target = await targetOf(args)
    await makeFolder(args.outputDir)
    console.log('prefix ratio   TTFT mean ms   TTFT p99 ms   tokens/s   errors')
    const label = args.label ?? labelOf(args)
    const signal = interruptible()
    const summary = await prefixRatioBench({
      ...args,
      prefixRatios,
      target,
      label,
      signal,
      onRatio: (ratio, { metrics, runs }) => {
        checkAnswered(runs)
        const ttft = metrics['time_to_first_token']
        const cells = [
          String(ratio).padStart(12),
          (ttft?.avg ?? Number.NaN).toFixed(1).padStart(15),
          (ttft?.p99 ?? Number.NaN).toFixed(1).padStart(14),
          metrics['output_token_throughput']!.avg.toFixed(1).padStart(11),
          String(metrics['error_request_count']!.avg).padStart(9),
        ]
        console.log(cells.join(''))
        warnOfLag(metrics)
      },
    })
    const finished = summary.prefix_ratios.length
    if (signal.aborted) throw stopped(finished, prefixRatios.length)
    const { plotCharts, readResults, renderSvg } = await import('@routesim/report')
    const charts = plotCharts(readResults([{ name: label, json: summary }]), 'prefix-ratio')
    console.error(`Wrote ${join(args.outputDir, 'results_summary.json')}`)
    await writeBytes(renderSvg(charts), join(args.outputDir, 'prefix_ratio_performance.svg'))
  },
}
