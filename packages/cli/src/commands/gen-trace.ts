import { type RequestTable, RouteSimError } from '@routesim/core'
import { generatedRequests } from '@routesim/experiments'
import {
  GENERATOR_KINDS,
  type GeneratorKind,
  generateTrace,
  readServegenClients,
  readTrace,
  type ServingSimulatorOptions,
  servingSimulatorRequests,
  WRITABLE_TRACE_FORMATS,
  type WritableTraceFormat,
  writeTrace,
} from '@routesim/traces'
import type { CommandBody } from '../command-body.js'
import { checkTraceEnding } from '../output/check-trace-ending.js'
import { lostColumns } from '../output/lost-columns.js'
import { counted } from '../output/thousands.js'
import { UsageError } from '../usage-error.js'
import { checkSeed } from './check-bounds.js'
import { flagOf, GENERATOR_FLAGS, generatorOptions, SOURCE_FLAGS } from './generator-flags.js'
import { refuseBeside } from './refuse-beside.js'
import { windowOf } from './time-window.js'

interface GenTraceArguments {
  output: string
  format: WritableTraceFormat
  config?: string
  servegen?: string
  timeWindow?: string
  generator?: GeneratorKind
  source?: ServingSimulatorOptions['source']
  trace?: string
  rate?: number
  seed?: number
  requests?: number
  zipfS?: number
  lognormalMean?: number
  lognormalStd?: number
  readonly [flag: string]: unknown
}

/** `routesim gen-trace`: traffic from a generator, as a file. */
export const genTraceCommand: CommandBody<GenTraceArguments> = {
  builder: (yargs) =>
    yargs
      .option('output', {
        alias: 'o',
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'File to write, - for standard output; .gz packs it',
      })
      .option('config', {
        alias: 'c',
        type: 'string',
        requiresArg: true,
        describe:
          'Config file whose [workload], or generator in [trace], is written; needs no [cluster]',
      })
      .option('servegen', {
        type: 'string',
        requiresArg: true,
        describe: "Directory with the statistics of ServeGen's clients, which become a mixture",
      })
      .option('time-window', {
        type: 'string',
        requiresArg: true,
        describe: '--servegen: a part only, FROM:TO in seconds',
      })
      .option('generator', {
        choices: GENERATOR_KINDS,
        requiresArg: true,
        describe: 'Arrival process (default poisson)',
      })
      .options(GENERATOR_FLAGS)
      .options(SOURCE_FLAGS)
      .option('format', {
        choices: WRITABLE_TRACE_FORMATS,
        default: 'compact_jsonl',
        requiresArg: true,
        describe: 'Format of the trace',
      })
      .example('$0 gen-trace --rate 50 --duration 60 -o trace.jsonl.gz', '')
      .example('$0 gen-trace -c scenario.toml -o trace.jsonl.gz', '') as never,
  handler: async (args) => {
    checkSeed(args.seed)
    checkTraceEnding(args.output, args.format, '--format')
    const table = await requestsOf(args)
    const { requests, lost } = await writeTrace(args.output, table, args.format)
    console.error(`Wrote ${counted(requests, 'request')} to ${args.output}`)
    if (lost.length > 0) console.error(`note: ${args.format} can not hold: ${lostColumns(lost)}`)
  },
}

async function requestsOf(args: GenTraceArguments): Promise<RequestTable> {
  const { config, servegen, source, seed } = args
  const shaping = ['generator', ...Object.keys(GENERATOR_FLAGS)].filter((flag) => flag !== 'seed')
  const ofSources = Object.keys(SOURCE_FLAGS).filter((flag) => flag !== 'source')
  if (config !== undefined) {
    const others = [...shaping, ...Object.keys(SOURCE_FLAGS), 'servegen', 'time-window']
    refuseBeside(args, others, '--config, which says it')
    return generatedRequests(config, seed)
  }
  if (servegen !== undefined) {
    refuseBeside(args, [...shaping, ...Object.keys(SOURCE_FLAGS)], '--servegen')
    return fromServegen(servegen, args)
  }
  refuseBeside(args, ['time-window'], 'a generator; it is for --servegen')
  if (source !== undefined) {
    refuseBeside(
      args,
      shaping.filter((flag) => flag !== 'rate'),
      '--source',
    )
    return fromSource(source, args)
  }
  refuseBeside(args, ofSources, 'a generator; it is for --source')
  return namedAsFlags(flagOf, async () =>
    generateTrace({ kind: args.generator, ...generatorOptions(args) }),
  )
}

async function fromServegen(directory: string, args: GenTraceArguments): Promise<RequestTable> {
  const { seed = 42, timeWindow } = args
  const { fromMs = 0, toMs } = windowOf(timeWindow)
  const toSec = toMs === undefined ? undefined : toMs / 1000
  const spec = await readServegenClients(directory, { seed, fromSec: fromMs / 1000, toSec })
  return namedAsFlags(flagOf, async () => generateTrace(spec))
}

/** The defaults are those of the simulator. */
async function fromSource(
  source: ServingSimulatorOptions['source'],
  args: GenTraceArguments,
): Promise<RequestTable> {
  const { rate = 2, seed = 42, requests = 10_000 } = args
  const { zipfS = 2, lognormalMean = 9, lognormalStd = 1 } = args
  if (source === 'mooncake') {
    refuseBeside(
      args,
      ['requests', 'zipf-s', 'lognormal-mean', 'lognormal-std'],
      '--source mooncake',
    )
    if (args.trace === undefined) throw new UsageError('--trace is required for --source mooncake')
    const { table } = await readTrace(args.trace)
    return namedAsFlags(sourceFlag, async () =>
      servingSimulatorRequests({ source, rateRps: rate, seed, trace: table }),
    )
  }
  refuseBeside(args, ['trace'], `--source ${source}`)
  const lengths =
    source === 'zipfian'
      ? { zipfExponent: zipfS }
      : { logMean: lognormalMean, logStd: lognormalStd }
  return namedAsFlags(sourceFlag, async () =>
    servingSimulatorRequests({ source, rateRps: rate, seed, requests, ...lengths }),
  )
}

const SOURCE_NAMES: Readonly<Record<string, string>> = {
  requests: 'requests',
  rateRps: 'rate',
  zipfExponent: 'zipf-s',
  logMean: 'lognormal-mean',
  logStd: 'lognormal-std',
}

const sourceFlag = (option: string): string | undefined => SOURCE_NAMES[option]

/** @throws UsageError that names the option which the generator does not like */
async function namedAsFlags<T>(
  nameOf: (option: string) => string | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const name = error instanceof RouteSimError ? error.path : undefined
    const flag = name === undefined ? undefined : nameOf(name)
    if (!(error instanceof RouteSimError) || name === undefined || flag === undefined) throw error
    if (error.code !== 'generator_invalid') throw error
    const message = error.message.replace(name, `--${flag}`)
    throw new UsageError(error.hint === undefined ? message : `${message}\n${error.hint}`)
  }
}
