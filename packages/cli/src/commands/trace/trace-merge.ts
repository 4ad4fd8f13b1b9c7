import { type LoweredRecords, mergeRecords, readTrace, type TraceFormat } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { printTraceNotes } from '../../output/trace-notes.js'
import { UsageError } from '../../usage-error.js'
import { checkBlockSize } from '../check-bounds.js'
import { ON_ERROR, TRACE_FORMAT } from '../experiment-options.js'
import { WRITTEN_TRACE_OPTIONS, type WrittenTraceArguments, writeChanged } from './written-trace.js'

interface TraceMergeArguments extends WrittenTraceArguments {
  files: readonly string[]
  traceFormat?: string
  onError: 'fail' | 'skip'
}

/** `routesim trace merge`: several traces at the same time. */
export const traceMergeCommand: CommandModule<object, TraceMergeArguments> = {
  command: 'merge <files..>',
  describe: 'Join traces by time of arrival; sessions and contents of each are its own',
  builder: (yargs) =>
    yargs
      .positional('files', {
        type: 'string',
        array: true,
        describe: 'Two trace files or more',
      })
      .options(WRITTEN_TRACE_OPTIONS)
      .options({ 'trace-format': TRACE_FORMAT, 'on-error': ON_ERROR })
      .example('$0 trace merge chat.jsonl batch.jsonl -o both.jsonl', '') as never,
  handler: async (args) => {
    checkBlockSize(args.blockSize)
    const { files, traceFormat, blockSize, onError } = args
    if (files.length < 2) {
      throw new UsageError(`trace merge: expected two traces or more, got ${files.length}`)
    }
    const traces: LoweredRecords[] = []
    const formats = new Set<TraceFormat>()
    for (const file of files) {
      const options = { format: traceFormat, blockTokens: blockSize, onError }
      const read = await readTrace(file, options)
      printTraceNotes(read, file)
      traces.push(read)
      formats.add(read.format)
    }
    const [format = 'compact_jsonl', other] = formats
    await writeChanged(mergeRecords(traces), other === undefined ? format : 'compact_jsonl', args)
  },
}
