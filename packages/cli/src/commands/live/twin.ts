import type { RequestTable } from '@routesim/core'
import { buildFleet } from '@routesim/experiments'
import { isOnSchedule, type MockClusterFlags, syntheticWorkload, twin } from '@routesim/live'
import type { Options } from 'yargs'
import { checkOne } from '../../algorithm-list.js'
import type { CommandBody } from '../../command-body.js'
import { UsageError } from '../../usage-error.js'
import { refuseBeside } from '../refuse-beside.js'
import { checkAnswered } from './bench-options.js'
import { checkNumbers } from './check-numbers.js'
import { interruptible } from './stop-signal.js'
import { readWorkload, TRACE_SHAPE, type TraceShapeArguments } from './trace-workload.js'
import { CLUSTER_OPTIONS, clusterOf, printLiveNotes, refuseOffload } from './worker-options.js'

interface TwinArguments extends MockClusterFlags, TraceShapeArguments {
  trace?: string
  algorithm: string
  kvIndex: 'events' | 'approximate' | 'none'
  metricsInterval: number
  isl?: number
  osl?: number
  requests?: number
  requestRate?: number
  prefixRatio?: number
  numPrefixPrompts?: number
  url?: string
  model: string
  pace: number
  seed: number
  format: 'table' | 'json'
}

const number = (fallback: number, describe: string) =>
  ({ type: 'number', default: fallback, requiresArg: true, describe }) as const

const numberOf = (describe: string): Options => ({ type: 'number', requiresArg: true, describe })

/** Of the workload that is made where no trace is given. */
const SYNTHETIC_FLAGS: Readonly<Record<string, Options>> = {
  isl: numberOf('Mean prompt tokens (default 4000)'),
  osl: numberOf('Mean output tokens (default 50)'),
  requests: numberOf('Requests (default 500)'),
  'request-rate': numberOf('Requests per second (default 8)'),
  'prefix-ratio': numberOf('Share of the prompt that is a prefix out of a pool (default 0.5)'),
  'num-prefix-prompts': numberOf('Prefixes in the pool (default 20)'),
}

/** `routesim twin`: the same workload live and simulated. */
export const twinCommand: CommandBody<TwinArguments> = {
  builder: (yargs) =>
    yargs.options(CLUSTER_OPTIONS).options({
      trace: { alias: 't', type: 'string', requiresArg: true, describe: 'Trace to run' },
      ...TRACE_SHAPE,
      algorithm: {
        alias: 'a',
        type: 'string',
        default: 'dynamo_kv',
        requiresArg: true,
        describe: 'Algorithm',
      },
      'kv-index': {
        choices: ['events', 'approximate', 'none'],
        default: 'events',
        requiresArg: true,
        describe: 'What the live router knows of prefix caches',
      },
      'metrics-interval': number(0, "Read workers' metrics every so many ms; 0 for never"),
      ...SYNTHETIC_FLAGS,
      url: {
        type: 'string',
        requiresArg: true,
        describe: 'Live target, instead of mock workers and a router',
      },
      model: { type: 'string', default: 'mock-model', requiresArg: true, describe: 'Model' },
      pace: number(1, 'How fast time passes live: at 0.5 what this machine takes weighs half'),
      seed: number(42, 'Seed'),
      format: {
        choices: ['table', 'json'],
        default: 'table',
        requiresArg: true,
        describe: 'Output',
      },
    }) as never,
  handler: async (args) => {
    checkNumbers(args, {
      ...{ isl: 'count', osl: 'count', requests: 'requests', numPrefixPrompts: 'count' },
      ...{ requestRate: 'positive', prefixRatio: 'share', metricsInterval: 'index', seed: 'index' },
      traceBlockSize: 'count',
      pace: 'positive',
    })
    checkOne(args.algorithm, '--algorithm')
    if (args.url !== undefined && args.pace !== 1)
      throw new UsageError(`--pace: expected 1 for servers at an --url, got ${args.pace}`)
    const config = await clusterOf(args)
    if (args.url === undefined) refuseOffload(config)
    printLiveNotes(config)
    const requests = await requestsOf(args)
    const report = await twin({
      ...args,
      cluster: buildFleet(config).cluster,
      algorithms: config.algorithms,
      prefixCaching: config.cluster.prefix_caching,
      metricsIntervalMs: args.metricsInterval,
      requests,
      isOpenLoop: true,
      signal: interruptible(),
    })
    const { figures, liveMetrics, cpuShare, live } = report
    checkAnswered([live])
    const errors = live.measurements.filter(({ error }) => error !== undefined).length
    const lag = liveMetrics['schedule_lag']
    if (args.format === 'json') {
      console.log(
        JSON.stringify({ figures, errors, schedule_lag: lag, cpu_share: cpuShare }, undefined, 2),
      )
    } else {
      console.log(
        `${live.measurements.length} requests behind ${args.algorithm}, live and simulated`,
      )
      for (const { metric, unit, live: own, simulated, difference } of figures) {
        const percent = Number.isNaN(difference) ? '' : `${(100 * difference).toFixed(1)}%`
        console.log(
          `  ${metric.padEnd(34)} ${own.toFixed(2).padStart(11)} ${simulated.toFixed(2).padStart(11)} ${unit.padEnd(12)} ${percent.padStart(8)}`,
        )
      }
      console.log(
        `  errors ${errors}; schedule lag p50 ${lag?.p50?.toFixed(1)} ms, p99 ${lag?.p99?.toFixed(1)} ms; CPU ${(100 * cpuShare).toFixed(0)}% of a core`,
      )
    }
    if (live.measurements.length < requests.size) {
      console.error(
        `note: stopped after ${live.measurements.length} of ${requests.size} requests; all of them were simulated`,
      )
    }
    if (cpuShare > 0.8 || !isOnSchedule(liveMetrics)) {
      console.error(
        'note: this machine was the limit; lower --pace, such as to 0.25, to compare the models',
      )
    }
  },
}

/** Those of the trace, else made ones. @throws UsageError for options that say nothing of them */
async function requestsOf(args: TwinArguments): Promise<RequestTable> {
  if (args.trace !== undefined) {
    refuseBeside(args, Object.keys(SYNTHETIC_FLAGS), '--trace; it is for traffic that is made')
    return (await readWorkload(args.trace, args)).table
  }
  refuseBeside(args, Object.keys(TRACE_SHAPE), 'traffic that is made; it is for --trace')
  const { isl = 4000, osl = 50, requests = 500, requestRate: rateRps = 8 } = args
  const { prefixRatio = 0.5, numPrefixPrompts = 20, seed } = args
  return syntheticWorkload({
    ...{ isl, osl, requests, prefixRatio, numPrefixPrompts, seed },
    lengthSpread: 0.25,
    arrivals: { rateRps, pattern: 'poisson' },
  })
}
