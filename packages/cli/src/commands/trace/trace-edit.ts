import { editRecords, readTrace, repeatRecords } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { printTraceNotes } from '../../output/trace-notes.js'
import { parseFilters } from '../../row-filter.js'
import { UsageError } from '../../usage-error.js'
import { checkBlockSize, checkInteger } from '../check-bounds.js'
import { ON_ERROR, TRACE_FORMAT } from '../experiment-options.js'
import { windowOf } from '../time-window.js'
import { TRACE_FILE } from './trace-file.js'
import { WRITTEN_TRACE_OPTIONS, type WrittenTraceArguments, writeChanged } from './written-trace.js'

interface TraceEditArguments extends WrittenTraceArguments {
  file: string
  traceFormat?: string
  timeWindow?: string
  filter?: readonly string[]
  head?: number
  scaleTime?: number
  repeat?: number
  repeatGap?: number
  onError: 'fail' | 'skip'
}

const number = (describe: string) => ({ type: 'number', requiresArg: true, describe }) as const

/** `routesim trace edit`: a part of a trace, at another speed, several times. */
export const traceEditCommand: CommandModule<object, TraceEditArguments> = {
  command: 'edit <file>',
  describe: 'Cut, filter, stretch or repeat a trace; the requests that are kept stay as they are',
  builder: (yargs) =>
    yargs
      .positional('file', TRACE_FILE)
      .options(WRITTEN_TRACE_OPTIONS)
      .options({
        'time-window': {
          type: 'string',
          requiresArg: true,
          describe: 'Keep a part only, FROM:TO in seconds from the first request',
        },
        filter: {
          type: 'string',
          array: true,
          nargs: 1,
          requiresArg: true,
          describe:
            'Keep requests such as tenant=acme or prompt_tokens>=1000; of several, all hold',
        },
        head: number('Keep the first N requests, of those in the window that the filter leaves'),
        'scale-time': number(
          'Multiply times of arrival and think times: 0.5 is twice the rate, but where turns wait for answers',
        ),
        repeat: number('Send all of that N times, one after another'),
        'repeat-gap': {
          ...number('Seconds from the last arrival to the first of the next time'),
          implies: 'repeat',
        },
        'trace-format': TRACE_FORMAT,
        'on-error': ON_ERROR,
      })
      .example('$0 trace edit day.jsonl -o noon.jsonl --time-window 43200:46800', '') as never,
  handler: async (args) => {
    checkNumbers(args)
    const { file, traceFormat, blockSize, onError, timeWindow, filter, head } = args
    const edits = {
      ...windowOf(timeWindow),
      head,
      ...(filter && { filter: parseFilters(filter) }),
      ...(args.scaleTime !== undefined && { speedup: 1 / args.scaleTime }),
    }
    if (edits.toMs !== undefined && edits.toMs <= (edits.fromMs ?? 0)) {
      throw new UsageError(`--time-window: expected an end after its start, got "${timeWindow}"`)
    }
    const read = await readTrace(file, {
      format: traceFormat,
      blockTokens: blockSize,
      onError,
    })
    const edited = editRecords(read, edits, read.source)
    const { repeat, repeatGap = 0 } = args
    const made = repeat === undefined ? edited : repeatRecords(edited, repeat, repeatGap * 1000)
    await writeChanged(made, read.format, args)
    printTraceNotes(read)
  },
}

/** @throws UsageError */
function checkNumbers(args: TraceEditArguments): void {
  checkBlockSize(args.blockSize)
  const { head, scaleTime, repeat, repeatGap } = args
  checkInteger('head', head, 1)
  checkInteger('repeat', repeat, 1)
  if (scaleTime !== undefined && !(scaleTime >= 1e-9 && scaleTime <= 1e9)) {
    throw new UsageError(`--scale-time: expected a number from 1e-9 to 1e9, got ${scaleTime}`)
  }
  if (repeatGap !== undefined && !(repeatGap >= 0 && repeatGap <= 1e9)) {
    throw new UsageError(`--repeat-gap: expected seconds from 0 to 1e9, got ${repeatGap}`)
  }
}
