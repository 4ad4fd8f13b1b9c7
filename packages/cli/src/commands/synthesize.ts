import { RouteSimError } from '@routesim/core'
import {
  editTrace,
  readTrace,
  type SynthesisOptions,
  synthesizeTrace,
  type TraceEdits,
  WRITABLE_TRACE_FORMATS,
  writeTrace,
} from '@routesim/traces'
import type { CommandBody } from '../command-body.js'
import { lostColumns } from '../output/lost-columns.js'
import { UsageError } from '../usage-error.js'

interface SynthesizeArguments {
  input: string
  output: string
  to: (typeof WRITABLE_TRACE_FORMATS)[number]
  numRequests?: number
  speedupRatio?: number
  prefixLenMultiplier?: number
  prefixRootMultiplier?: number
  promptLenMultiplier?: number
  oslMultiplier?: number
  maxIsl?: number
  minIsl?: number
  minOsl?: number
  maxOsl?: number
  maxRejections?: number
  blockSize?: number
  seed?: number
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
        'num-requests': number('Requests to make; as many as the trace has by default'),
        'speedup-ratio': number('Divides the gaps between arrivals (default 1)'),
        'prefix-len-multiplier': number('Length of shared parts (default 1)'),
        'prefix-root-multiplier': number('Copies of the tree of shared parts (default 1)'),
        'prompt-len-multiplier': number('Length of private parts (default 1)'),
        'osl-multiplier': number('Length of outputs (default 1)'),
        'max-isl': number('Longest prompt; longer ones are drawn again'),
        'min-isl': number('Shortest prompt; shorter ones are drawn again'),
        'min-osl': number('Outputs are clipped to at least this'),
        'max-osl': number('Outputs are clipped to at most this'),
        'max-rejections': number('Prompts drawn again in a row at most (default 10000)'),
        'block-size': number('Tokens per hashed block (default 512)'),
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
    const { table } = await readTrace(args.input, { blockTokens: args.blockSize })
    const edits: TraceEdits = { head: args.head, ...windowOf(args.timeWindow) }
    const { requests, lost } = await named(async () => {
      const made = synthesizeTrace(editTrace(table, edits), synthesisOptions(args))
      return writeTrace(args.output, made, args.to, { blockTokens: args.blockSize })
    })
    console.error(`Wrote ${requests} ${requests === 1 ? 'request' : 'requests'} to ${args.output}`)
    if (lost.length > 0) console.error(`note: ${args.to} can not hold: ${lostColumns(lost)}`)
  },
}

function synthesisOptions(args: SynthesizeArguments): SynthesisOptions {
  const { numRequests, speedupRatio, maxRejections, seed, blockSize, keepLocality } = args
  const { prefixLenMultiplier, prefixRootMultiplier, promptLenMultiplier, oslMultiplier } = args
  const { maxIsl, minIsl, minOsl, maxOsl } = args
  return {
    ...{ numRequests, speedupRatio, maxRejections, seed, maxIsl, minIsl, minOsl, maxOsl },
    ...{ prefixLenMultiplier, prefixRootMultiplier, promptLenMultiplier, oslMultiplier },
    blockTokens: blockSize,
    mode: keepLocality === true ? 'in_order' : 'independent',
  }
}

/** @throws UsageError */
function windowOf(text: string | undefined): Pick<TraceEdits, 'fromMs' | 'toMs'> {
  if (text === undefined) return {}
  const parts = /^(\d+(?:\.\d+)?)?:(\d+(?:\.\d+)?)?$/.exec(text)
  if (parts === null) throw new UsageError(`--time-window: expected FROM:TO, got "${text}"`)
  const [from, to] = [parts[1], parts[2]]
  return {
    fromMs: Number(from ?? 0) * 1000,
    toMs: to === undefined ? undefined : Number(to) * 1000,
  }
}

const FLAGS: Readonly<Record<string, string>> = {
  blockTokens: 'block-size',
  fromMs: 'time-window',
  toMs: 'time-window',
}

/** Errors name the options of the command line. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.code !== 'trace_option_invalid') throw error
    const name = error.path ?? ''
    const flag = FLAGS[name] ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new UsageError(error.message.replace(name, `--${flag}`))
  }
}
