import { runBench } from '@routesim/live'
import type { CommandModule } from 'yargs'
import { UsageError } from '../../usage-error.js'
import {
  BENCH_OPTIONS,
  type BenchArguments,
  checkCounts,
  printMetrics,
  targetOf,
} from './bench-options.js'
import { interruptible } from './stop-signal.js'
import { dealtOut, readWorkload, TRACE_SHAPE, type TraceShapeArguments } from './trace-workload.js'

interface TraceArguments extends BenchArguments, TraceShapeArguments {
  inputDataset: string
  concurrency?: number
  outputDir: string
}

/** `routesim bench trace`: replays a trace on its own schedule. */
export const benchTrace: CommandModule<object, TraceArguments> = {
  command: 'trace',
  describe: "Replay a trace at its times of arrival, as Dynamo's real-data benchmark",
  builder: (yargs) =>
    yargs
      .options(BENCH_OPTIONS)
      .options({
        'input-dataset': {
          alias: 't',
          type: 'string',
          default: 'mooncake_trace.jsonl',
          requiresArg: true,
          describe: 'Trace in any format that RouteSim reads',
        },
        ...TRACE_SHAPE,
        concurrency: {
          type: 'number',
          requiresArg: true,
          describe: 'Requests in flight at most; no limit by default',
        },
        'output-dir': {
          alias: 'o',
          type: 'string',
          default: 'real_data_benchmark_results',
          requiresArg: true,
          describe: 'Folder for the files of the run',
        },
      })
      .example('$0 bench trace -t trace.jsonl --url http://127.0.0.1:8000', '') as never,
  handler: async (args) => {
    checkCounts(args as never, ['concurrency', 'numRequests', 'blockSizeOfTrace'])
    const table = await readWorkload(args.inputDataset, args)
    if (table.size === 0) throw new UsageError('--input-dataset: expected requests, got none left')
    const share = dealtOut(table, args.url?.length ?? 1)
    const { metrics } = await runBench({
      target: await targetOf(args),
      workload: () => share.next().value!,
      requests: table.size,
      concurrency: args.concurrency,
      isOpenLoop: true,
      speedup: args.speedupRatio,
      seed: args.seed,
      folder: args.outputDir,
      inputConfig: { trace: args.inputDataset, speedupRatio: args.speedupRatio },
      signal: interruptible(),
    })
    printMetrics(metrics)
    console.error(`Wrote ${args.outputDir}`)
  },
}
