import { analyzeTrace, readTrace } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { printLostSharing } from '../../output/lost-sharing.js'
import { traceAnalysisText } from '../../output/trace-analysis.js'
import { printTraceNotes } from '../../output/trace-notes.js'
import { printFitted } from '../../output/wrapped.js'
import { checkBlockSize } from '../check-bounds.js'
import { ON_ERROR, TRACE_FORMAT } from '../experiment-options.js'
import { TRACE_FILE } from './trace-file.js'

interface TraceStatsArguments {
  file: string
  traceFormat?: string
  blockSize?: number
  format: 'table' | 'json'
  onError: 'fail' | 'skip'
}

/** `routesim trace stats`: what a trace is. */
export const traceStatsCommand: CommandModule<object, TraceStatsArguments> = {
  command: 'stats <file>',
  describe: 'Analyse a trace: lengths, hit rates, arrivals, prefixes, sessions',
  builder: (yargs) =>
    yargs
      .positional('file', TRACE_FILE)
      .option('trace-format', TRACE_FORMAT)
      .option('block-size', {
        type: 'number',
        requiresArg: true,
        describe: 'Tokens per block, of the trace and of the analysis (default that of the trace)',
      })
      .option('format', {
        choices: ['table', 'json'],
        default: 'table',
        requiresArg: true,
        describe: 'Print the analysis as',
      })
      .option('on-error', ON_ERROR)
      .example('$0 trace stats conversation_trace.jsonl.gz', '') as never,
  handler: async ({ file, traceFormat, blockSize, format, onError }) => {
    checkBlockSize(blockSize)
    const { table, ...read } = await readTrace(file, {
      format: traceFormat,
      blockTokens: blockSize,
      onError,
    })
    const analysis = analyzeTrace(table, { blockTokens: blockSize })
    if (format === 'json') console.log(JSON.stringify(analysis, undefined, 2))
    else printFitted((maxWidth) => traceAnalysisText(analysis, maxWidth))
    printLostSharing(table, blockSize)
    printTraceNotes(read)
  },
}
