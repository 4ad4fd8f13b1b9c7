import {
  editTrace,
  readTrace,
  synthesizeTrace,
  type TraceEdits,
  WRITABLE_TRACE_FORMATS,
  writeTrace,
} from '@routesim/traces'
import type { CommandBody } from '../command-body.js'
import { checkTraceEnding } from '../output/check-trace-ending.js'
import { lostColumns, printAbsentColumns } from '../output/lost-columns.js'
import { printLostSharing } from '../output/lost-sharing.js'
import { counted } from '../output/thousands.js'
import { printTraceNotes } from '../output/trace-notes.js'
import { checkBlockSize, checkSeed } from './check-bounds.js'
import {
  namingFlags,
  SYNTHESIS_OPTIONS,
  type SynthesisArguments,
  synthesisOptions,
} from './synthesis-arguments.js'
import { windowOf } from './time-window.js'

interface SynthesizeArguments extends SynthesisArguments {
  input: string
  output: string
  to: (typeof WRITABLE_TRACE_FORMATS)[number]
  blockSize?: number
  head?: number
  timeWindow?: string
  keepLocality?: boolean
}

const number = (describe: string) => ({ type: 'number', requiresArg: true, describe }) as const
const file = (alias: string, describe: string) =>
  ({ alias, type: 'string', demandOption: true, requiresArg: true, describe }) as const

/** `routesim synthesize`: new requests after the example of a trace. */
export const synthesizeCommand: CommandBody<SynthesizeArguments> = {
  builder: (yargs) =>
    yargs
      .options({
        input: file('i', 'Trace to learn from, - for standard input'),
        output: file('o', 'Trace to write, - for standard output; .gz packs it'),
        to: {
          choices: WRITABLE_TRACE_FORMATS,
          default: 'mooncake',
          requiresArg: true,
          describe: 'Format to write',
        },
        ...SYNTHESIS_OPTIONS,
        'block-size': number('Tokens per hashed block (default that of the trace)'),
        seed: number('Seed (default 0)'),
        head: number('Learn from the first N requests only'),
        'time-window': {
          type: 'string',
          requiresArg: true,
          describe: 'Learn from a part only, FROM:TO in seconds from the first request',
        },
        'keep-locality': {
          type: 'boolean',
          describe:
            'Follow the trace in order: reuse in time and lengths that belong together stay',
        },
      })
      .example('$0 synthesize -i day.jsonl -o double.jsonl --speedup-ratio 2', '') as never,
  handler: async (args) => {
    checkSeed(args.seed)
    checkBlockSize(args.blockSize)
    checkTraceEnding(args.output, args.to, '--to')
    const { table, source, ...read } = await readTrace(args.input, { blockTokens: args.blockSize })
    const edits: TraceEdits = { head: args.head, ...windowOf(args.timeWindow) }
    const { requests, lost } = await namingFlags(FLAGS, () => {
      const part = editTrace(table, edits, source)
      printLostSharing(part, args.blockSize)
      const made = synthesizeTrace(part, {
        ...synthesisOptions(args, args.blockSize),
        mode: args.keepLocality === true ? 'in_order' : 'independent',
      })
      printAbsentColumns(part, made)
      return writeTrace(args.output, made, args.to, { blockTokens: args.blockSize })
    })
    console.error(`Wrote ${counted(requests, 'request')} to ${args.output}`)
    if (lost.length > 0) console.error(`note: ${args.to} can not hold: ${lostColumns(lost)}`)
    printTraceNotes(read)
  },
}

const FLAGS: Readonly<Record<string, string>> = {
  blockTokens: 'block-size',
  fromMs: 'time-window',
  toMs: 'time-window',
}
