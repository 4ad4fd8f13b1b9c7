import {
  type LoweredRecords,
  type TraceFormat,
  WRITABLE_TRACE_FORMATS,
  type WritableTraceFormat,
  writeTrace,
} from '@routesim/traces'
import type { Options } from 'yargs'
import { checkTraceEnding } from '../../output/check-trace-ending.js'
import { lostColumns } from '../../output/lost-columns.js'
import { counted } from '../../output/thousands.js'

/** Where a changed trace goes. */
export interface WrittenTraceArguments {
  output: string
  to?: WritableTraceFormat
  blockSize?: number
}

export const WRITTEN_TRACE_OPTIONS: Record<'output' | 'to' | 'block-size', Options> = {
  output: {
    alias: 'o',
    type: 'string',
    demandOption: true,
    requiresArg: true,
    describe: 'Trace to write, - for standard output; .gz packs it',
  },
  to: {
    choices: WRITABLE_TRACE_FORMATS,
    requiresArg: true,
    describe: 'Format to write; that of the trace if it can be written, else compact_jsonl',
  },
  'block-size': {
    type: 'number',
    requiresArg: true,
    describe: 'Tokens per hashed block (default that of the trace)',
  },
}

/** Writes a trace and says what was written, and what not. */
export async function writeChanged(
  { table, prefixHashes }: LoweredRecords,
  read: TraceFormat,
  { output, to, blockSize }: WrittenTraceArguments,
): Promise<void> {
  const format = to ?? WRITABLE_TRACE_FORMATS.find((each) => each === read) ?? 'compact_jsonl'
  checkTraceEnding(output, format, '--to')
  const { requests, lost } = await writeTrace(output, table, format, {
    blockTokens: blockSize,
    prefixHashes,
  })
  console.error(`Wrote ${counted(requests, 'request')} to ${output}`)
  if (lost.length > 0) console.error(`note: ${format} can not hold: ${lostColumns(lost)}`)
}
