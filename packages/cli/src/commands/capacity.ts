import { type CapacityReport, capacity } from '@routesim/experiments'
import { loadAlgorithms, splitSpecs } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { capacityRendering } from '../output/capacity-table.js'
import { showCharts } from '../output/print-charts.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'
import { checkPositive } from './check-bounds.js'
import {
  ALGORITHMS,
  INPUT_OPTIONS,
  NOTHING_YET,
  printNotes,
  RESULT_OPTIONS,
  SECONDS_PER_RATE,
  watched,
} from './experiment-options.js'
import { CHART, type SearchArguments, searchOptions } from './search-arguments.js'

interface CapacityArguments extends SearchArguments {
  algorithms: string | undefined
  rate: number | undefined
  fleet: boolean | undefined
  gpus: string | undefined
  attainment: number | undefined
  precision: number | undefined
  duration: number | undefined
  scale: string | undefined
}

/** `routesim capacity`: the largest rate, the smallest fleet, the cheapest GPU type. */
export const capacityCommand: CommandBody<CapacityArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options({
        algorithms: ALGORITHMS,
        rate: {
          type: 'number',
          requiresArg: true,
          describe: 'Find the smallest fleet for so many requests per second',
        },
        fleet: {
          type: 'boolean',
          conflicts: 'rate',
          describe: 'Find the smallest fleet for the traffic as it is',
        },
        gpus: {
          type: 'string',
          requiresArg: true,
          describe: 'Find the cheapest fleet among GPU types, such as H100Sxm,L40S:tp=2',
        },
        attainment: {
          type: 'number',
          requiresArg: true,
          describe: "Share of requests that must meet all SLOs; the config's, or 0.99",
        },
        precision: {
          type: 'number',
          requiresArg: true,
          describe: 'Relative width of the interval of the largest rate (default 0.02)',
        },
        duration: SECONDS_PER_RATE,
        scale: {
          type: 'string',
          requiresArg: true,
          describe:
            'Grow one of [[cluster.backends]] alone, by its key, such as cluster.backends.0.count',
        },
      })
      .options({ ...RESULT_OPTIONS, seeds: { ...RESULT_OPTIONS.seeds, default: undefined } })
      .option('chart', CHART)
      .example(
        '$0 capacity -c configs/default.toml --slo-ttft 300 -a round_robin,prefix_overlap',
        '',
      )
      .example('$0 capacity -c configs/default.toml --slo-ttft 300 --rate 200', '') as never,
  handler: async (args) => {
    const options = searchOptions(args)
    check(args)
    await checkTarget(args)
    await checkReport(args)
    const { algorithms: list, gpus, fleet, duration, rate, attainment, precision, scale } = args
    const algorithms = list === undefined ? undefined : await loadAlgorithms(list, '--algorithms')
    const report = await watched(
      (control) =>
        capacity({
          ...options,
          ...control,
          ...{ algorithms, rate, attainment, precision, scale },
          gpus: gpus === undefined ? undefined : splitSpecs(gpus, '--gpus'),
          durationSec: duration,
          find: fleet === true ? 'backends' : undefined,
        }),
      NOTHING_YET,
    )
    await show(report, args)
  },
}

function check({
  rate,
  gpus,
  attainment,
  precision,
  duration,
  scale,
  fleet,
}: CapacityArguments): void {
  checkPositive('rate', rate)
  checkPositive('duration', duration)
  if (attainment !== undefined && !(attainment > 0 && attainment <= 1)) {
    throw new UsageError(`--attainment: expected a number > 0 and <= 1, got ${attainment}`)
  }
  if (precision !== undefined && !(precision >= 0.0001 && precision <= 1)) {
    throw new UsageError(`--precision: expected a number from 0.0001 to 1, got ${precision}`)
  }
  if (scale !== undefined && rate === undefined && gpus === undefined && fleet !== true) {
    throw new UsageError('--scale: only with --rate, --fleet or --gpus, which look for a fleet')
  }
}

async function show(report: CapacityReport, args: CapacityArguments): Promise<void> {
  printNotes({ ...report.scenario, seeds: [] }, [])
  await writeResults(capacityRendering(report), args)
  await writeReport(args, ({ capacityReport }, origin) => capacityReport(report, origin))
  await showCharts(args, ({ capacityReport }) => capacityReport(report), 2)
}
