import { type SweepReport, sweep } from '@routesim/experiments'
import type { CommandModule } from 'yargs'
import { loadAlgorithms } from '../algorithm-list.js'
import { flatCsv } from '../output/flat-csv.js'
import { resultJson } from '../output/result-json.js'
import { formatNumber, resultsMarkdown, resultsTable } from '../output/results-table.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'
import {
  CONFIG,
  checkNumbers,
  type ExperimentArguments,
  experimentOptions,
  printNotes,
  RESULT_OPTIONS,
  sweepHeading,
  watched,
} from './experiment-options.js'
import { stopped } from './stopped.js'

interface SweepArguments extends ExperimentArguments {
  algorithm: string
  rates: string
  duration: number | undefined
}

/** `routesim sweep`: generated traffic at several rates. */
export const sweepCommand: CommandModule<object, SweepArguments> = {
  command: 'sweep',
  describe: 'Simulate generated traffic at several arrival rates',
  builder: (yargs) =>
    yargs
      .options({ config: CONFIG })
      .option('algorithm', {
        alias: 'a',
        type: 'string',
        default: 'round_robin',
        requiresArg: true,
        describe: 'Algorithm, or a comma-separated list of them',
      })
      .option('rates', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Comma-separated rates in requests per second',
      })
      .option('duration', {
        type: 'number',
        requiresArg: true,
        describe: "Seconds of traffic per rate (default: the config's trace.duration_sec, or 60)",
      })
      .options(RESULT_OPTIONS)
      .example(
        '$0 sweep -c configs/default.toml -a least_outstanding --rates 50,100,200',
        '',
      ) as never,
  handler: async (args) => {
    checkNumbers(args)
    await checkTarget(args)
    await checkReport(args)
    const rates = parseRates(args.rates)
    if (args.duration !== undefined && !(args.duration > 0)) {
      throw new UsageError(`--duration: expected a number > 0, got ${args.duration}`)
    }
    const algorithms = await loadAlgorithms(args.algorithm, '--algorithm')
    // Pages about rates need no details of their points.
    const { detail = false } = args
    const shared = { ...experimentOptions(args), detail }
    const options = { ...shared, rates, algorithms, durationSec: args.duration }
    const report = await watched((control) => sweep({ ...options, ...control }))
    if (report.points.length > 0) {
      printNotes(report.scenario, [])
      await writeResults(rendering(report, detail), args)
      await writeReport(args, ({ sweepReport }, origin) => sweepReport(report, origin))
    }
    const profiles = [options.visibility].flat().length
    const planned = rates.length * algorithms.length * profiles
    if (report.interrupted) throw stopped(report.points.length, planned)
  },
}

function parseRates(list: string): number[] {
  return list.split(',').map((text) => {
    const rate = Number(text)
    if (text.trim() !== '' && Number.isFinite(rate) && rate > 0) return rate
    throw new UsageError(`--rates: expected numbers > 0 such as 50,100,200, got "${text}"`)
  })
}

function rendering({ scenario, durationSec, points }: SweepReport, withDetail: boolean) {
  const results = points.map(({ result }) => result)
  const leading = [
    {
      title: 'Rate',
      cells: points.map(({ rate }) => formatNumber(rate, Number.isInteger(rate) ? 0 : 2)),
    },
    { title: 'Algorithm', cells: results.map(({ algorithm }) => algorithm) },
  ]
  const title = sweepHeading(scenario, durationSec)
  // Algorithms compete at the same rate; a low rate is not better than a high one.
  const contests = points.map(({ rate }) => rate)
  const rows = points.map(({ rate, result }) => ({ rate, ...result }))
  return {
    table: () =>
      `${title}\n\n${resultsTable(results, leading, { maxWidth: process.stdout.columns, contests })}`,
    json: () =>
      resultJson(withDetail ? rows.map((row, i) => ({ ...row, detail: points[i]!.detail })) : rows),
    csv: () => flatCsv(rows),
    md: () => `${title}\n\n${resultsMarkdown(results, leading, contests)}`,
  }
}
