import { type RunReport, run } from '@routesim/experiments'
import { loadOne } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { DECISIONS, decisionsFile } from '../output/decisions-file.js'
import { distributionTable } from '../output/distribution-table.js'
import { flatCsv } from '../output/flat-csv.js'
import { openPerfetto } from '../output/perfetto-file.js'
import { resultJson } from '../output/result-json.js'
import { resultsMarkdown } from '../output/results-table.js'
import { checkReport, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { writeSamples } from '../output/write-samples.js'
import { UsageError } from '../usage-error.js'
import {
  ALGORITHM,
  checkNumbers,
  DETAIL_OPTIONS,
  type ExperimentArguments,
  experimentOptions,
  heading,
  INPUT_OPTIONS,
  printNotes,
  RESULT_OPTIONS,
  watched,
} from './experiment-options.js'
import { stopped } from './stopped.js'
import type { TraceArguments } from './trace-arguments.js'
import { checkTraffic, TRAFFIC_OPTIONS, type TrafficArguments } from './traffic-options.js'

interface RunArguments extends ExperimentArguments, TraceArguments, TrafficArguments {
  algorithm: string
  perfetto: string | undefined
  decisions: string | undefined
}

/** `routesim run`: one algorithm, every statistic. */
export const runCommand: CommandBody<RunArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options(TRAFFIC_OPTIONS)
      .option('algorithm', ALGORITHM)
      .options({ ...RESULT_OPTIONS, ...DETAIL_OPTIONS })
      .option('perfetto', {
        type: 'string',
        requiresArg: true,
        describe:
          'Write a timeline of steps and requests (Chrome trace JSON); simulates every step',
      })
      .option('decisions', DECISIONS)
      .example('$0 run -c configs/default.toml -a prefix_aware:cache_weight=0.9', '')
      .example('$0 run -c configs/default.toml -a ./my-router.ts', '') as never,
  handler: async (args) => {
    checkNumbers(args)
    checkTraffic(args)
    await checkTarget(args)
    await checkReport(args)
    if (args.perfetto !== undefined && (args.seeds > 1 || args.noPerRequest === true)) {
      throw new UsageError('--perfetto: takes one run with per-request results')
    }
    const algorithm = await loadOne(args.algorithm, '--algorithm')
    const given = experimentOptions(args)
    const { visibility: profiles = [] } = given
    if (profiles.length > 1) {
      throw new UsageError(`--visibility: expected one profile, got ${profiles.join(',')}`)
    }
    const timeline = args.perfetto === undefined ? undefined : await openPerfetto(args.perfetto)
    const decisions = decisionsFile(args.decisions, args.noPerRequest !== true)
    const observer =
      timeline === undefined
        ? decisions?.observer
        : Object.assign(timeline.observer, decisions?.observer)
    const options = { ...given, algorithm, observer }
    const report = await watched((control) => run({ ...options, ...control })).finally(() =>
      decisions?.close(),
    )
    timeline?.close()
    const { scenario, result, detail } = report
    printNotes(scenario, [result])
    await writeResults(rendering(report, args.detail), args)
    await writeReport(args, ({ compareReport }, origin) =>
      compareReport(
        { scenario, results: [{ result, detail, samples: report.samples[0]?.rows }], verdict: [] },
        origin,
      ),
    )
    if (args.samples !== undefined) await writeSamples(report.samples, args.samples)
    if (report.interrupted) throw stopped(1, 1)
  },
}

function rendering({ scenario, result, detail }: RunReport, withDetail = false) {
  const leading = [{ title: 'Algorithm', cells: [result.algorithm] }]
  return {
    table: (maxWidth: number) =>
      `${heading(scenario)}\n\n${result.algorithm}\n${distributionTable(result, maxWidth)}`,
    json: () => resultJson(withDetail ? { ...result, detail } : result),
    csv: () => flatCsv([result]),
    md: () => resultsMarkdown([result], leading),
  }
}
