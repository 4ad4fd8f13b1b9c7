import { type WhatifReport, whatif } from '@routesim/experiments'
import { loadOne } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { whatifRendering } from '../output/whatif-table.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { parseSettings } from '../settings-list.js'
import { UsageError } from '../usage-error.js'
import {
  ALGORITHM,
  INPUT_OPTIONS,
  NOTHING_YET,
  printNotes,
  RESULT_OPTIONS,
  watched,
} from './experiment-options.js'
import { type SearchArguments, searchOptions } from './search-arguments.js'

interface WhatifArguments extends SearchArguments {
  algorithm: string
  to: string | undefined
  against: string | undefined
  set: string | undefined
  windows: number | undefined
}

/** `routesim whatif`: what a change does, with intervals. */
export const whatifCommand: CommandBody<WhatifArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options({
        algorithm: ALGORITHM,
        to: {
          type: 'string',
          requiresArg: true,
          describe: 'Algorithm after the change; the same by default',
        },
        against: {
          type: 'string',
          requiresArg: true,
          describe: 'Config file after the change; the same by default',
        },
        set: {
          type: 'string',
          requiresArg: true,
          describe: 'Config key with its value after the change: path=9; may be given again',
        },
        windows: {
          type: 'number',
          requiresArg: true,
          describe:
            'Windows of a trace that intervals are taken from (default 8, fewer of a short trace or for percentiles)',
        },
      })
      .options({
        ...RESULT_OPTIONS,
        seeds: {
          type: 'number',
          requiresArg: true,
          describe: 'Seeds of generated traffic that are compared (default 5)',
        },
      })
      .example('$0 whatif -c configs/default.toml --set cluster.num_backends=9', '')
      .example('$0 whatif -c configs/default.toml -a round_robin --to prefix_overlap', '') as never,
  handler: async (args) => {
    const options = searchOptions(args)
    const set = args.set === undefined ? undefined : parseSettings(args.set)
    if (set === undefined && args.against === undefined && args.to === undefined) {
      throw new UsageError(
        'expected something that changes: --set cluster.num_backends=9, --against other.toml or --to another algorithm; got none',
      )
    }
    await checkTarget(args)
    await checkReport(args)
    const algorithm = await loadOne(args.algorithm, '--algorithm')
    const otherAlgorithm = args.to === undefined ? undefined : await loadOne(args.to, '--to')
    const report = await watched(
      (control) =>
        whatif({
          ...options,
          ...control,
          ...{ algorithm, otherAlgorithm, set, windows: args.windows },
          otherConfig: args.against,
        }),
      NOTHING_YET,
    )
    await show(report, args)
  },
}

async function show(report: WhatifReport, args: WhatifArguments): Promise<void> {
  printNotes({ ...report.scenario, seeds: [] }, [])
  await writeResults(whatifRendering(report), args)
  await writeReport(args, ({ whatifReport }, origin) => whatifReport(report, origin))
}
