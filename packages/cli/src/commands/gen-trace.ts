import { type RequestTable, RouteSimError } from '@routesim/core'
import {
  GENERATOR_KINDS,
  type GeneratorKind,
  type GeneratorOptions,
  generateTrace,
  WRITABLE_TRACE_FORMATS,
  writeTrace,
} from '@routesim/traces'
import type { CommandBody } from '../command-body.js'
import { lostColumns } from '../output/lost-columns.js'
import { UsageError } from '../usage-error.js'

interface GenTraceArguments {
  output: string
  generator: GeneratorKind
  format: string
  seed?: number
  rate?: number
  duration?: number
  promptMean?: number
  promptStd?: number
  genMean?: number
  genStd?: number
  numPrefixes?: number
  prefixLenMean?: number
  turnsMean?: number
}

const number = (describe: string) => ({ type: 'number', requiresArg: true, describe }) as const

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
      .option('generator', {
        choices: GENERATOR_KINDS,
        default: 'poisson',
        requiresArg: true,
        describe: 'Arrival process',
      })
      .options({
        rate: number('Requests per second (default 100)'),
        duration: number('Seconds (default 300)'),
        'prompt-mean': number('Mean prompt tokens (default 500)'),
        'prompt-std': number('Standard deviation of prompt tokens (default 200)'),
        'gen-mean': number('Mean output tokens (default 150)'),
        'gen-std': number('Standard deviation of output tokens (default 50)'),
        'num-prefixes': number('Shared prefixes, 0 for none (default 10)'),
        'prefix-len-mean': number('Mean tokens of a shared prefix (default 256)'),
        'turns-mean': number('Mean turns of a conversation (default 1)'),
        seed: number('Seed (default 42)'),
      })
      .option('format', {
        choices: WRITABLE_TRACE_FORMATS,
        default: 'compact_jsonl',
        requiresArg: true,
        describe: 'Format of the trace',
      })
      .example('$0 gen-trace --rate 50 --duration 60 -o trace.jsonl.gz', '') as never,
  handler: async (args) => {
    const table = generated({
      kind: args.generator,
      seed: args.seed,
      rateRps: args.rate,
      durationSec: args.duration,
      promptTokensMean: args.promptMean,
      promptTokensStd: args.promptStd,
      genTokensMean: args.genMean,
      genTokensStd: args.genStd,
      numPrefixes: args.numPrefixes,
      prefixLenMean: args.prefixLenMean,
      turnsMean: args.turnsMean,
    })
    const { requests, lost } = await writeTrace(args.output, table, args.format)
    console.error(`Wrote ${requests} ${requests === 1 ? 'request' : 'requests'} to ${args.output}`)
    if (lost.length > 0) console.error(`note: ${args.format} can not hold: ${lostColumns(lost)}`)
  },
}

/** What the options of the generator are called on the command line. */
const FLAGS: Readonly<Partial<Record<keyof GeneratorOptions, string>>> = {
  kind: 'generator',
  rateRps: 'rate',
  durationSec: 'duration',
  promptTokensMean: 'prompt-mean',
  promptTokensStd: 'prompt-std',
  genTokensMean: 'gen-mean',
  genTokensStd: 'gen-std',
  numPrefixes: 'num-prefixes',
  prefixLenMean: 'prefix-len-mean',
  turnsMean: 'turns-mean',
  seed: 'seed',
}

/** @throws UsageError that names the option which the generator does not like */
function generated(options: GeneratorOptions): RequestTable {
  try {
    return generateTrace(options)
  } catch (error) {
    const name = error instanceof RouteSimError ? error.path : undefined
    const flag = FLAGS[name as keyof GeneratorOptions]
    if (!(error instanceof RouteSimError) || name === undefined || flag === undefined) throw error
    const message = error.message.replace(name, `--${flag}`)
    throw new UsageError(error.hint === undefined ? message : `${message}\n${error.hint}`)
  }
}
