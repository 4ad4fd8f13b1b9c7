import { join } from 'node:path'
import type { RequestTable } from '@routesim/core'
import { runBench } from '@routesim/live'
import { writeTrace } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { checkDefaultTrace } from '../default-trace.js'
import {
  BENCH_OPTIONS,
  type BenchArguments,
  checkAnswered,
  makeFolder,
  noteStop,
  printMetrics,
  targetOf,
} from './bench-options.js'
import { checkNumbers } from './check-numbers.js'
import { interruptible } from './stop-signal.js'
import { dealtOut, readWorkload, TRACE_SHAPE, type TraceShapeArguments } from './trace-workload.js'

interface TraceArguments extends BenchArguments, TraceShapeArguments {
  inputDataset: string
  concurrency?: number
  outputDir: string
}

const TRACE_BY_DEFAULT = 'mooncake_trace.jsonl'

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
          default: TRACE_BY_DEFAULT,
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
    checkNumbers(args, { concurrency: 'count', traceBlockSize: 'count' })
    checkDefaultTrace('input-dataset', args.inputDataset, TRACE_BY_DEFAULT)
    const target = await targetOf(args)
    const { table, isSynthetic } = await readWorkload(args.inputDataset, args)
    await makeFolder(args.outputDir)
    if (isSynthetic) await writeSynthetic(table, args)
    const share = dealtOut(table, args.url?.length ?? 1)
    const { metrics, runs } = await runBench({
      target,
      workload: () => share.next().value!,
      requests: table.size,
      concurrency: args.concurrency,
      isOpenLoop: true,
      speedup: 1,
      seed: args.seed,
      folder: args.outputDir,
      inputConfig: {
        trace: isSynthetic ? SYNTHETIC : args.inputDataset,
        speedupRatio: args.speedupRatio,
      },
      signal: interruptible(),
    })
    checkAnswered(runs)
    printMetrics(metrics)
    noteStop(runs, table.size)
    console.error(`Wrote ${args.outputDir}`)
  },
}

const SYNTHETIC = 'synthetic_trace.jsonl'

/** Keeps what was made: it can be replayed again, or simulated. */
async function writeSynthetic(table: RequestTable, args: TraceArguments): Promise<void> {
  const path = join(args.outputDir, SYNTHETIC)
  await writeTrace(path, table, 'mooncake', { blockTokens: args.traceBlockSize })
  console.error(`Wrote ${path}`)
}
