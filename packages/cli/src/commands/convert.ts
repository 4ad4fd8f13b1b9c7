import {
  convertTrace,
  ignoredNote,
  type RetimeOptions,
  skippedNote,
  WRITABLE_TRACE_FORMATS,
  type WritableTraceFormat,
} from '@routesim/traces'
import type { CommandBody } from '../command-body.js'
import { checkTraceEnding } from '../output/check-trace-ending.js'
import { lostColumns } from '../output/lost-columns.js'
import { counted } from '../output/thousands.js'
import { UsageError } from '../usage-error.js'
import { checkBlockSize, checkSeed } from './check-bounds.js'
import { ON_ERROR, TRACE_FORMAT } from './experiment-options.js'
import { checkRetiming, RETIMING_OPTIONS, type RetimingArguments } from './traffic-options.js'

interface ConvertArguments extends RetimingArguments {
  input: string
  output: string
  format?: string
  to: WritableTraceFormat
  blockSize?: number
  charsPerToken?: number
  json?: boolean
  onError: 'fail' | 'skip'
  seed: number
}

/** `routesim convert`: a trace in another format. */
export const convertCommand: CommandBody<ConvertArguments> = {
  builder: (yargs) =>
    yargs
      .option('input', {
        alias: 'i',
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Trace to read, - for standard input; a directory of OTLP files',
      })
      .option('format', { ...TRACE_FORMAT, alias: 'f' })
      .option('output', {
        alias: 'o',
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Trace to write, - for standard output; .gz packs it',
      })
      .option('to', {
        choices: WRITABLE_TRACE_FORMATS,
        default: 'compact_jsonl',
        requiresArg: true,
        describe: 'Format to write',
      })
      .option('block-size', {
        type: 'number',
        requiresArg: true,
        describe: 'Tokens per hashed block (default that of the trace)',
      })
      .option('chars-per-token', {
        type: 'number',
        requiresArg: true,
        describe: 'Estimates lengths of texts without counts (default 4)',
      })
      .options(RETIMING_OPTIONS)
      .option('seed', {
        type: 'number',
        default: 0,
        requiresArg: true,
        describe: 'Seed of --arrivals poisson',
      })
      .option('json', { type: 'boolean', describe: 'Print what was done as JSON' })
      .option('on-error', ON_ERROR)
      .example('$0 convert -i spans.json -o trace.jsonl', '') as never,
  handler: async (args) => {
    const { input, output, format, to, blockSize, charsPerToken, json, onError } = args
    checkBlockSize(blockSize)
    const retime = retimingOf(args)
    checkTraceEnding(output, to, '--to')
    const options = {
      ...(retime && { retime }),
      read: { format, onError, blockTokens: blockSize, charsPerToken },
      write: { blockTokens: blockSize },
    }
    if (json === true && output === '-') {
      throw new UsageError('--json: expected a file to write the trace to, got -')
    }
    const result = await convertTrace(input, output, to, options)
    const { requests, lost, skipped, ignored, notes } = result
    if (json === true) {
      const from = result.format
      console.log(JSON.stringify({ from, to, requests, lost, ignored, skipped }, undefined, 2))
      return
    }
    console.error(`Wrote ${counted(requests, 'request')} to ${output}`)
    if (lost.length > 0) console.error(`note: ${to} can not hold: ${lostColumns(lost)}`)
    for (const note of notes) console.error(`note: ${note}`)
    if (ignored > 0) console.error(`note: ${ignoredNote(result.format, ignored)}`)
    if (skipped.count > 0) {
      console.error(`note: ${skippedNote(skipped.count)}, the first of them:`)
      for (const message of skipped.messages) console.error(`  ${message}`)
    }
  },
}

/** @throws UsageError */
function retimingOf(args: ConvertArguments): RetimeOptions | undefined {
  checkRetiming(args)
  const { arrivals, rate, seed } = args
  checkSeed(seed)
  if (arrivals === undefined) {
    if (rate !== undefined) throw new UsageError(`--rate: expected --arrivals beside it, got none`)
    return undefined
  }
  if (arrivals !== 'at_once' && rate === undefined) {
    throw new UsageError(
      `--rate: expected requests per second for --arrivals ${arrivals}, got none`,
    )
  }
  return { arrivals, rateRps: rate, seed }
}
