import { type TuneReport, tune } from '@routesim/experiments'
import { loadOne, severalAlgorithms, splitSpecs } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { showCharts } from '../output/print-charts.js'
import { tuneRendering } from '../output/tune-table.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { parseAxes } from '../settings-list.js'
import {
  INPUT_OPTIONS,
  NOTHING_YET,
  printNotes,
  RESULT_OPTIONS,
  watched,
} from './experiment-options.js'
import { CHART, type SearchArguments, searchOptions } from './search-arguments.js'

interface TuneArguments extends SearchArguments {
  algorithm: string
  objective: string | undefined
  subjectTo: string | undefined
  only: string | undefined
  range: string | undefined
  candidates: number | undefined
  holdout: number | undefined
  windows: number | undefined
}

/** `routesim tune`: parameters of an algorithm for some traffic. */
export const tuneCommand: CommandBody<TuneArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options({
        algorithm: {
          alias: 'a',
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Algorithm, or a file that exports one; parameters given with it stay',
        },
        objective: {
          type: 'string',
          requiresArg: true,
          describe: 'Number of a result that is to be as good as possible (default ttft.p99)',
        },
        'subject-to': {
          type: 'string',
          requiresArg: true,
          describe:
            'Bounds, or none: requests_per_sec>=99%,tbt.p99<=50; a share is of the untuned (default: completed_requests>=100%,requests_per_sec>=99%)',
        },
        only: {
          type: 'string',
          requiresArg: true,
          describe: 'Comma-separated parameters to tune; all by default',
        },
        range: {
          type: 'string',
          requiresArg: true,
          describe: 'Where to look for a parameter: name=0.1..10:log or name=a,b; several with ;',
        },
        candidates: {
          type: 'number',
          requiresArg: true,
          describe: 'Points that the search begins with (default 27)',
        },
        holdout: {
          type: 'number',
          requiresArg: true,
          describe: 'Share of a trace, its end, that is held out (default 0.5)',
        },
        windows: {
          type: 'number',
          requiresArg: true,
          describe:
            'Windows of it, or seeds of generated traffic, that are compared (default up to 8)',
        },
      })
      .options({
        ...RESULT_OPTIONS,
        seeds: {
          type: 'number',
          requiresArg: true,
          describe: 'Seeds under which each point is tried (default 1)',
        },
      })
      .option('chart', CHART)
      .example('$0 tune -c configs/mooncake.toml -t trace.jsonl.gz -a dynamo_kv', '')
      .example(
        '$0 tune -c configs/default.toml -a prefix_aware --objective end_to_end_latency.p99',
        '',
      ) as never,
  handler: async (args) => {
    const options = searchOptions(args)
    const ranges = args.range === undefined ? undefined : parseAxes(args.range, '--range')
    await checkTarget(args)
    await checkReport(args)
    const algorithm = await loadOne(args.algorithm, '--algorithm')
    if (typeof algorithm === 'object' && 'prefill' in algorithm) {
      throw severalAlgorithms('--algorithm', args.algorithm.split('+'))
    }
    const { subjectTo, only, objective, candidates, holdout, windows } = args
    const report = await watched(
      (control) =>
        tune({
          ...options,
          ...control,
          ...{ algorithm, ranges, objective, candidates, holdout, windows },
          subjectTo:
            subjectTo === undefined
              ? undefined
              : subjectTo === 'none'
                ? []
                : splitSpecs(subjectTo, '--subject-to'),
          only: only === undefined ? undefined : splitSpecs(only, '--only'),
        }),
      NOTHING_YET,
    )
    await show(report, args)
  },
}

async function show(report: TuneReport, args: TuneArguments): Promise<void> {
  printNotes({ ...report.scenario, seeds: [] }, [])
  await writeResults(tuneRendering(report), args)
  await writeReport(args, ({ tuneReport }, origin) => tuneReport(report, origin))
  await showCharts(args, ({ tuneReport }) => tuneReport(report), 2)
}
