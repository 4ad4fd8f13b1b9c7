import { type ArrivalPattern, runBench, syntheticWorkload } from '@routesim/live'
import type { CommandModule } from 'yargs'
import { UsageError } from '../../usage-error.js'
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

interface LoadArguments extends BenchArguments {
  preset?: 'perf'
  isl?: number
  osl?: number
  requests?: number
  concurrency?: number
  requestRate?: number
  arrivalPattern?: ArrivalPattern
  prefixRatio?: number
  numPrefixPrompts?: number
  lengthSpread?: number
  outputDir?: string
}

/** The load of Dynamo's standalone example: ten distinct prompts, again and again. */
const PERF = {
  isl: 3000,
  osl: 100,
  requests: 100,
  concurrency: 25,
  prefixRatio: 1,
  numPrefixPrompts: 10,
  lengthSpread: 0,
}

/** What AIPerf's synthetic prompts are by default. */
const PLAIN = {
  isl: 550,
  osl: 100,
  requests: 100,
  concurrency: undefined,
  prefixRatio: 0,
  numPrefixPrompts: 0,
  lengthSpread: 0,
}

const number = (describe: string) => ({ type: 'number', requiresArg: true, describe }) as const

/** `routesim bench load`: an open or closed loop of synthetic requests. */
export const benchLoad: CommandModule<object, LoadArguments> = {
  command: 'load',
  describe: 'Load a server, or a simulated one, in an open or closed loop',
  builder: (yargs) =>
    yargs
      .options(BENCH_OPTIONS)
      .options({
        preset: {
          choices: ['perf'],
          requiresArg: true,
          describe: 'perf: 3000 in, 100 out, 25 at once, 100 requests, 10 distinct prompts',
        },
        isl: number('Mean prompt tokens (default 550)'),
        osl: number('Mean output tokens (default 100)'),
        requests: number('Requests (default 100)'),
        concurrency: number('Requests in flight at most: alone a closed loop (default 1)'),
        'request-rate': number('Requests per second: an open loop'),
        'arrival-pattern': {
          choices: ['poisson', 'constant'],
          requiresArg: true,
          implies: 'request-rate',
          describe: 'How requests of an open loop arrive (default poisson)',
        },
        'prefix-ratio': number('Share of the prompt that is a prefix out of a pool (default 0)'),
        'num-prefix-prompts': number('Prefixes in the pool (default 0)'),
        'length-spread': number('Standard deviation of lengths as a share of the mean (default 0)'),
        'output-dir': {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          describe: 'Folder for profile_export_aiperf.json, .csv and profile_export.jsonl',
        },
      })
      .example('$0 bench load --preset perf --url http://127.0.0.1:8000', '') as never,
  handler: async (args) => {
    checkNumbers(args, {
      ...{ isl: 'count', osl: 'count', requests: 'requests', concurrency: 'count' },
      ...{ numPrefixPrompts: 'index', prefixRatio: 'share', lengthSpread: 'amount' },
      requestRate: 'positive',
    })
    const preset = args.preset === 'perf' ? PERF : PLAIN
    const isl = args.isl ?? preset.isl
    const requests = args.requests ?? preset.requests
    const isOpenLoop = args.requestRate !== undefined
    const concurrency = args.concurrency ?? (isOpenLoop ? undefined : (preset.concurrency ?? 1))
    const shape = {
      isl,
      osl: args.osl ?? preset.osl,
      prefixRatio: args.prefixRatio ?? preset.prefixRatio,
      numPrefixPrompts: args.numPrefixPrompts ?? preset.numPrefixPrompts,
      lengthSpread: args.lengthSpread ?? preset.lengthSpread,
      seed: args.seed,
    }
    if (shape.prefixRatio > 0 && shape.numPrefixPrompts === 0) {
      throw new UsageError(
        `--num-prefix-prompts: expected an integer >= 1 beside --prefix-ratio ${shape.prefixRatio}, got 0`,
      )
    }
    const target = await targetOf(args)
    await makeFolder(args.outputDir)
    const { metrics, runs } = await runBench({
      target,
      requests,
      concurrency,
      isOpenLoop,
      speedup: 1,
      seed: args.seed,
      folder: args.outputDir,
      inputConfig: { ...shape, requests, concurrency, requestRate: args.requestRate },
      signal: interruptible(),
      workload: (share) =>
        syntheticWorkload({
          ...shape,
          requests: share,
          arrivals: isOpenLoop
            ? {
                rateRps: args.requestRate! / (args.url?.length ?? 1),
                pattern: args.arrivalPattern ?? 'poisson',
              }
            : undefined,
        }),
    })
    checkAnswered(runs)
    printMetrics(metrics)
    noteStop(runs, requests)
    if (args.outputDir !== undefined) console.error(`Wrote ${args.outputDir}`)
  },
}
