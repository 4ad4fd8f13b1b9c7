import { RouteSimError } from '@routesim/core'
import {
  type Axis,
  parseShard,
  type Sampling,
  type SweepFailure,
  type SweepReport,
  sweep,
} from '@routesim/experiments'
import { loadAlgorithms } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { showCharts } from '../output/print-charts.js'
import { sweepRendering } from '../output/sweep-table.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { parseAxes } from '../settings-list.js'
import { UsageError } from '../usage-error.js'
import { aboveZero, checkPositive, MOST } from './check-bounds.js'
import {
  ALGORITHMS,
  checkNumbers,
  type ExperimentArguments,
  experimentOptions,
  INPUT_OPTIONS,
  printNotes,
  RESULT_OPTIONS,
  SECONDS_PER_RATE,
  sweepHeading,
  watched,
} from './experiment-options.js'
import { QUEUE, withPassword } from './queue-arguments.js'
import { CHART, checkChart } from './search-arguments.js'
import { stopped } from './stopped.js'
import type { TraceArguments } from './trace-arguments.js'
import { checkTraffic, TRAFFIC_OPTIONS } from './traffic-options.js'

interface SweepArguments extends Omit<ExperimentArguments, 'seeds'>, TraceArguments {
  seeds: number | undefined
  algorithms: string | undefined
  rates: string | undefined
  concurrency: number | undefined
  duration: number | undefined
  set: string | undefined
  sample: Sampling | undefined
  points: number | undefined
  log: string | undefined
  resume: boolean | undefined
  shard: string | undefined
  queue: string | undefined
  chart: boolean | undefined
}

/** `routesim sweep`: every combination of rates, config values and algorithms, or a sample of them. */
export const sweepCommand: CommandBody<SweepArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options({
        algorithms: ALGORITHMS,
        rates: {
          type: 'string',
          requiresArg: true,
          describe: 'Comma-separated rates in requests per second: of the trace, else generated',
        },
        concurrency: TRAFFIC_OPTIONS.concurrency,
        duration: SECONDS_PER_RATE,
        set: {
          type: 'string',
          requiresArg: true,
          describe:
            'Config key with its values: path=4,8,16 or path=16..512/6:log; may be given again',
        },
        sample: {
          choices: ['grid', 'random', 'latin_hypercube'] as const,
          requiresArg: true,
          describe: 'Every combination of values (grid, the default), or a sample of --points',
        },
        points: { type: 'number', requiresArg: true, describe: 'Points of a sample' },
        log: {
          type: 'string',
          requiresArg: true,
          describe: 'Append every run to a result log (JSONL) when it is done',
        },
        resume: {
          type: 'boolean',
          implies: 'log',
          describe: 'Do only what is missing in the log',
        },
        queue: {
          ...QUEUE,
          conflicts: ['jobs', 'shard'],
          describe: 'Have the workers at a Redis or Valkey do the runs: redis://host:6379',
        },
        shard: {
          type: 'string',
          requiresArg: true,
          describe: 'Do part i of n, as i/n from 0/n; auto/n under Kubernetes, auto under Slurm',
        },
      })
      .options({ ...RESULT_OPTIONS, seeds: { ...RESULT_OPTIONS.seeds, default: undefined } })
      .option('chart', CHART)
      .example('$0 sweep -c configs/default.toml -a least_outstanding --rates 50,100,200', '')
      .example(
        '$0 sweep -c configs/default.toml --set cluster.num_backends=4,8 --log runs.jsonl',
        '',
      ) as never,
  handler: async (args) => {
    checkNumbers({ ...args, seeds: args.seeds ?? 1 })
    checkChart(args)
    checkTraffic({ concurrency: args.concurrency })
    await checkTarget(args)
    await checkReport(args)
    const options = { ...experimentOptions({ ...args, seeds: args.seeds as number }), ...own(args) }
    const { algorithms: list } = args
    const algorithms = list === undefined ? undefined : await loadAlgorithms(list, '--algorithms')
    const report = await watched((control) => sweep({ ...options, algorithms, ...control }))
    await show(report, args)
  },
}

function own(args: SweepArguments) {
  const { duration } = args
  checkPositive('duration', duration)
  if (duration !== undefined && args.trace !== undefined) {
    throw new UsageError('--duration: only for generated traffic; a trace has its own')
  }
  const set: Record<string, Axis> | undefined =
    args.set === undefined ? undefined : parseAxes(args.set)
  return {
    rates: args.rates === undefined ? undefined : parseRates(args.rates),
    durationSec: duration,
    set,
    sampling: args.sample,
    queue:
      args.queue === undefined
        ? undefined
        : {
            url: withPassword(args.queue),
            onNote: (note: string) => console.error(`note: ${note}`),
          },
    shard: args.shard === undefined ? undefined : parseShard(args.shard, process.env),
  }
}

/** Comma-separated rates. @throws UsageError */
export function parseRates(list: string): number[] {
  const rates = list.split(',').map((text) => {
    const rate = Number(text)
    if (text.trim() !== '' && rate > 0 && rate <= MOST) return rate
    throw new UsageError(
      `--rates: expected numbers ${aboveZero(rate)} such as 50,100,200, got "${text}"`,
    )
  })
  const twice = rates.find((rate, i) => rates.indexOf(rate) !== i)
  if (twice === undefined) return rates
  throw new UsageError(`--rates: expected rates that differ, got ${twice} twice`)
}

async function show(report: SweepReport, args: SweepArguments): Promise<void> {
  const { scenario, points, failures, totalRuns, totalPoints, durationSec, tornLines } = report
  if (tornLines > 0) {
    console.error(
      tornLines === 1
        ? 'note: a torn line of the log is left out: its run is done again'
        : `note: ${tornLines} torn lines of the log are left out: their runs are done again`,
    )
  }
  if (points.length > 0) {
    printNotes(scenario, [])
    await writeResults(sweepRendering(points, sweepHeading(scenario, durationSec)), args)
  }
  // Where every run failed, a page says why.
  if (points.length + failures.length > 0)
    await writeReport(args, ({ sweepReport }, origin) => sweepReport(report, origin))
  if (points.length > 0) await showCharts(args, ({ sweepReport }) => sweepReport(report), 2)
  if (report.interrupted) throw stopped(points.length, totalPoints, args.log)
  if (failures.length > 0) throw failed(failures, totalRuns)
}

const MOST_TOLD = 10

function failed(failures: readonly SweepFailure[], all: number): RouteSimError {
  for (const { settings, rate, algorithm, seed, message } of failures.slice(0, MOST_TOLD)) {
    const set = Object.entries(settings).map(([path, value]) => `${path}=${value}`)
    const at = [algorithm, ...(rate === null ? [] : [`${rate} req/s`]), ...set, `seed ${seed}`]
    console.error(`failed: ${at.join(', ')}: ${message}`)
  }
  if (failures.length > MOST_TOLD) console.error(`and ${failures.length - MOST_TOLD} more`)
  const count =
    failures.length === all ? 'every run failed' : `${failures.length} of ${all} runs failed`
  const rest = failures.length === all ? '' : '; the others are above'
  return new RouteSimError(`${count}${rest}`, { code: 'runs_failed' })
}
