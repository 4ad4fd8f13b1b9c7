import { type ValidationReport, validate } from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { flatCsv } from '../output/flat-csv.js'
import { alignedTable, markdownTable } from '../output/table.js'
import { validationTable } from '../output/validation-table.js'
import { checkReport, REPORT, type ReportArguments, writeReport } from '../output/write-report.js'
import { checkTarget, FORMATS, type OutputFormat, writeResults } from '../output/write-results.js'
import { severalWords } from '../several-words.js'
import { UsageError } from '../usage-error.js'

interface ValidateArguments extends ReportArguments {
  sets: string[]
  data: string | undefined
  output: string | undefined
  format: OutputFormat | undefined
  seeds: number
  'signal-interval-ms': number | undefined
  'signal-delay-ms': number | undefined
}

/** `routesim validate`: predictions against published measurements. */
export const validateCommand: CommandBody<ValidateArguments> = {
  builder: (yargs) =>
    severalWords(yargs)
      .positional('sets', {
        type: 'string',
        array: true,
        default: [],
        describe: 'Sets to check; all by default',
      })
      .options({
        data: {
          type: 'string',
          requiresArg: true,
          describe:
            'Folder of published measurements; the figures that come with RouteSim by default',
        },
        output: {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          describe:
            'Write every prediction to a file; JSON unless its name or --format says otherwise',
        },
        report: REPORT,
        format: { choices: FORMATS, requiresArg: true, describe: 'Print as (default: table)' },
        seeds: {
          type: 'number',
          default: 8,
          requiresArg: true,
          describe: 'Average over N draws of random arrivals',
        },
        'signal-interval-ms': {
          type: 'number',
          requiresArg: true,
          describe: 'Time between two scrapes of load figures; 50 ms as in llm-d by default',
        },
        'signal-delay-ms': {
          type: 'number',
          requiresArg: true,
          describe: 'Further age of load figures (default 0)',
        },
      })
      .example('$0 validate', '')
      .example('$0 validate llmd_routing --data groundtruth -o rows.json', '') as never,
  handler: async (args) => {
    check('seeds', args.seeds, 1)
    check('signal-interval-ms', args['signal-interval-ms'] ?? 0, 0)
    check('signal-delay-ms', args['signal-delay-ms'] ?? 0, 0)
    await checkTarget(args)
    await checkReport(args)
    const interval = args['signal-interval-ms']
    const delay = args['signal-delay-ms']
    const report = validate({
      sets: args.sets,
      seeds: args.seeds,
      ...(args.data === undefined ? {} : { dataFolder: args.data }),
      ...(interval === undefined ? {} : { signalIntervalMs: interval }),
      ...(delay === undefined ? {} : { signalDelayMs: delay }),
      onSet: (name) => console.error(`validating ${name}`),
    })
    await writeResults(
      {
        table: (maxWidth) =>
          validationTable(report, (columns, rows) => alignedTable(columns, rows, maxWidth)),
        md: () => validationTable(report, markdownTable),
        json: () => JSON.stringify(everyRow(report), undefined, 1),
        csv: () => flatCsv(everyRow(report)),
      },
      args,
    )
    await writeReport(args, ({ validationReport }, origin) => validationReport(report, origin))
  },
}

/** Predictions, then what is not predicted, with `predicted` null and a reason. */
function everyRow({ rows, unpredicted }: ValidationReport) {
  return [
    ...rows.map((row) => ({ ...row, reason: null })),
    ...unpredicted.map(({ reason, measured, ...row }) => ({
      ...row,
      predicted: null,
      measured,
      reason,
    })),
  ]
}

const MOST_SEEDS = 100

function check(name: string, value: number, least: number): void {
  const isCount = name === 'seeds'
  const isFine = isCount
    ? Number.isInteger(value) && value >= least && value <= MOST_SEEDS
    : value >= least && value < Number.POSITIVE_INFINITY
  if (isFine) return
  const expected = isCount ? `an integer from ${least} to ${MOST_SEEDS}` : `a number >= ${least}`
  throw new UsageError(`--${name}: expected ${expected}, got ${value}`)
}
