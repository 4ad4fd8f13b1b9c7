import { isOneSweep, type MergedLogs, mergeResultLogs, sweepPoints } from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { JSON_LINES } from '../output/check-ending.js'
import { exportResults, RESULT_FORMATS, type ResultFormat } from '../output/export-results.js'
import { sweepRendering } from '../output/sweep-table.js'
import { checkTarget, checkWritable, writeResults, writeText } from '../output/write-results.js'
import { severalWords } from '../several-words.js'
import { UsageError } from '../usage-error.js'

interface ResultsArguments {
  action: 'merge' | 'show' | 'export'
  logs: string[]
  output: string | undefined
  to: ResultFormat | undefined
}

/** `routesim results`: what stands in the result logs of sweeps. */
export const resultsCommand: CommandBody<ResultsArguments> = {
  builder: (yargs) =>
    severalWords(yargs)
      .positional('action', {
        choices: ['merge', 'show', 'export'] as const,
        describe: 'Make one log of several, print a table, or write another format',
      })
      .positional('logs', { type: 'string', describe: 'Result logs (JSONL)' })
      .options({
        output: {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          describe: 'File to write; of an export to aiperf, a directory',
        },
        to: {
          choices: RESULT_FORMATS,
          requiresArg: true,
          describe: 'Format of an export; by default that of the ending of the file',
        },
      })
      .example('$0 results merge shard-*.jsonl -o all.jsonl', '')
      .example('$0 results export all.jsonl -o all.parquet', '') as never,
  handler: async ({ action, logs, output, to }) => {
    if (action !== 'export' && to !== undefined) {
      throw new UsageError(`--to: expected with export only, got it with ${action}`)
    }
    if (action !== 'show' && output === undefined) throw new UsageError('--output is required')
    if (action === 'export') {
      if (to !== 'aiperf') await checkWritable(output!)
    } else
      await checkTarget({ output, format: undefined }, action === 'merge' ? JSON_LINES : undefined)
    const merged = await mergeResultLogs(logs)
    const { records } = merged
    tell(merged)
    if (action === 'merge') {
      await writeText(records.map((record) => JSON.stringify(record)).join('\n'), output!)
      console.error(`Wrote ${output}`)
    } else if (action === 'export') await exportResults(records, output!, to)
    else {
      const { points } = sweepPoints(records)
      if (points.length === 0) return
      const rendering = sweepRendering(points, `${points.length} points of ${logs.join(', ')}`)
      await writeResults(rendering, { format: undefined, output })
    }
  },
}

/** Says what a reader should know of the logs before believing them. */
function tell({ records, tornLines, contradictions }: MergedLogs): void {
  if (tornLines > 0) {
    console.error(`note: left out: ${tornLines === 1 ? 'a torn line' : `${tornLines} torn lines`}`)
  }
  if (records.length === 0) console.error('note: no run is there')
  if (contradictions > 0) {
    console.error(
      `note: ${contradictions} runs are there with different results, of which the latest are taken; are the routers' random choices those of cluster.random?`,
    )
  }
  const failed = records.filter(({ status }) => status === 'failed').length
  if (failed > 0) console.error(`note: ${failed} runs failed`)
  const total = records[0]?.runs
  if (!isOneSweep(records)) {
    console.error('note: the logs are of different sweeps, perhaps with other traffic or configs')
  } else if (total !== undefined && records.length < total) {
    console.error(`note: ${records.length} of ${total} runs are there`)
  }
  const versions = new Set(records.map(({ version }) => version))
  if (versions.size > 1) {
    console.error(`note: of different versions of RouteSim: ${[...versions].sort().join(', ')}`)
  }
}
