import { workloadToml } from '@routesim/experiments'
import { type FitError, fitErrors, fitTrace, generateTrace, readTrace } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { lostColumns } from '../../output/lost-columns.js'
import { printLostSharing } from '../../output/lost-sharing.js'
import { alignedTable } from '../../output/table.js'
import { printTraceNotes } from '../../output/trace-notes.js'
import { fitted, printFitted } from '../../output/wrapped.js'
import { checkTarget, writeText } from '../../output/write-results.js'
import { checkBlockSize, checkSeed } from '../check-bounds.js'
import { ON_ERROR, TRACE_FORMAT } from '../experiment-options.js'
import { TRACE_FILE } from './trace-file.js'

interface TraceFitArguments {
  file: string
  output: string | undefined
  traceFormat?: string
  blockSize?: number
  seed: number
  onError: 'fail' | 'skip'
}

/** `routesim trace fit`: the shape of a trace without the trace. */
export const traceFitCommand: CommandModule<object, TraceFitArguments> = {
  command: 'fit <file>',
  describe: 'Describe a trace as a [workload] without any of its requests, and say how alike it is',
  builder: (yargs) =>
    yargs
      .positional('file', TRACE_FILE)
      .option('output', {
        alias: 'o',
        type: 'string',
        requiresArg: true,
        describe: 'Write the [workload] to a TOML file; to standard output by default',
      })
      .option('trace-format', TRACE_FORMAT)
      .option('block-size', {
        type: 'number',
        requiresArg: true,
        describe: 'Tokens per block, of the trace and of the hit rates (default that of the trace)',
      })
      .option('seed', {
        type: 'number',
        default: 0,
        requiresArg: true,
        describe: 'Seed of the traffic that is compared with the trace',
      })
      .option('on-error', ON_ERROR)
      .example('$0 trace fit private.jsonl.gz -o workload.toml', '') as never,
  handler: async ({ file, output, traceFormat, blockSize, seed, onError }) => {
    checkBlockSize(blockSize)
    checkSeed(seed)
    await checkTarget({ output, format: undefined }, ['.toml'])
    const { table, ...read } = await readTrace(file, {
      format: traceFormat,
      blockTokens: blockSize,
      onError,
    })
    const { workload, lost } = fitTrace(table)
    const like = generateTrace({ ...workload, seed })
    const errors = fitErrors(table, like, { blockTokens: blockSize })
    const toml = `# Fitted to a trace; put it after the [cluster] of a config.\n${workloadToml(workload).trimEnd()}`
    const report = (maxWidth: number): string => errorTable(errors, maxWidth)
    if (output === undefined || output === '-') {
      console.log(toml)
      console.error(fitted(report, process.stderr))
    } else {
      await writeText(toml, output)
      printFitted(report)
      console.error(`Wrote [workload] to ${output}`)
    }
    if (lost.length > 0) console.error(`note: the [workload] leaves out: ${lostColumns(lost)}`)
    printLostSharing(table, blockSize)
    printTraceNotes(read)
  },
}

function errorTable(errors: readonly FitError[], maxWidth: number): string {
  const columns = [
    { title: 'Statistic', align: 'left' },
    { title: 'Unit', align: 'left', rank: 4 },
    { title: 'Trace', align: 'right', rank: 2 },
    { title: 'Fit', align: 'right', rank: 3 },
    { title: 'Error', align: 'right', rank: 1 },
  ] as const
  return alignedTable(
    columns,
    errors.map((each) => [
      each.statistic,
      each.unit,
      numberText(each.trace),
      numberText(each.fit),
      errorText(each),
    ]),
    maxWidth,
  )
}

function numberText(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: Math.abs(value) < 1e4 ? 4 : 6 })
}

/** Of a share the difference itself, else in parts of the trace's. */
function errorText({ error, unit, trace }: FitError): string {
  const sign = error < 0 ? '-' : '+'
  if (unit === 'share') return `${sign}${Math.abs(error).toFixed(3)}`
  if (trace === 0) return error === 0 ? '0' : `${sign}${numberText(Math.abs(error))}`
  return `${sign}${(Math.abs(error) * 100).toFixed(1)}%`
}
