import {
  type CompareOptions,
  type Comparison,
  checkRobustness,
  compare,
  type RobustnessReport,
  robustness,
} from '@routesim/experiments'
import { loadAlgorithms } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { DECISIONS, decisionsFile } from '../output/decisions-file.js'
import { flatCsv } from '../output/flat-csv.js'
import { showCharts } from '../output/print-charts.js'
import { resultJson } from '../output/result-json.js'
import { resultsMarkdown, resultsTable } from '../output/results-table.js'
import { robustnessText } from '../output/robustness-table.js'
import { checkReport, type ReportArguments, writeReport } from '../output/write-report.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { writeSamples } from '../output/write-samples.js'
import { UsageError } from '../usage-error.js'
import {
  ALGORITHMS,
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
import { CHART, checkChart } from './search-arguments.js'
import { stopped } from './stopped.js'
import type { TraceArguments } from './trace-arguments.js'
import { checkTraffic, TRAFFIC_OPTIONS, type TrafficArguments } from './traffic-options.js'

interface CompareArguments extends ExperimentArguments, TraceArguments, TrafficArguments {
  algorithms: string | undefined
  robust: boolean | undefined
  by: string | undefined
  chart: boolean | undefined
  decisions: string | undefined
}

/** `routesim compare`: several algorithms side by side, and who wins. */
export const compareCommand: CommandBody<CompareArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .options(TRAFFIC_OPTIONS)
      .option('algorithms', {
        ...ALGORITHMS,
        alias: ['a', 'A'],
        describe:
          "Comma-separated algorithms or files that export one; the config's by default, or all built-in ones",
      })
      .options({ ...RESULT_OPTIONS, ...DETAIL_OPTIONS })
      .options({
        robust: {
          type: 'boolean',
          describe:
            'Rank also under other step times and visibilities, and tell how often who is first',
        },
        by: {
          type: 'string',
          requiresArg: true,
          implies: 'robust',
          describe: 'Number of a result by which --robust ranks (default ttft.p99)',
        },
        chart: CHART,
      })
      .option('decisions', DECISIONS)
      .example('$0 compare configs/scenarios/hot-prefix.toml', '')
      .example('$0 compare -c configs/mooncake.toml -t trace.jsonl.gz', '')
      .example(
        '$0 compare -c configs/default.toml -A round_robin,prefix_aware,./my-router.ts',
        '',
      ) as never,
  handler: async (args) => {
    checkNumbers(args)
    checkTraffic(args)
    checkChart(args)
    if (args.robust === true && args.trace === '-') {
      throw new UsageError(
        '--robust: expected a trace file, which is read twice, got standard input',
      )
    }
    await checkTarget(args)
    await checkReport(args)
    const algorithms =
      args.algorithms === undefined
        ? undefined
        : await loadAlgorithms(args.algorithms, '--algorithms')
    if (args.robust === true) await checkRobustness({ ...args, algorithms })
    const decisions = decisionsFile(args.decisions, args.noPerRequest !== true)
    const observer = decisions?.observer
    await showComparison({ ...experimentOptions(args), algorithms, observer }, args).finally(() =>
      decisions?.close(),
    )
  },
}

/** Compares under a progress bar and shows what came out, also when it was stopped halfway. */
export async function showComparison(
  options: CompareOptions,
  output: Pick<ExperimentArguments, 'format' | 'output' | 'detail' | 'samples'> &
    ReportArguments &
    Partial<Pick<CompareArguments, 'robust' | 'by' | 'chart'>>,
): Promise<void> {
  const comparison = await watched((control) => compare({ ...options, ...control }))
  const ranked =
    output.robust === true && !comparison.interrupted
      ? await watched((control) => robustness({ ...options, ...control, by: output.by }))
      : undefined
  const { scenario, results, details, samples, verdict } = comparison
  if (results.length > 0) {
    printNotes(scenario, results)
    await writeResults(rendering(comparison, output.detail, ranked), output)
    await writeReport(output, ({ compareReport }, origin) => {
      const reported = results.map((result, i) => ({
        ...{ result, detail: details[i] },
        // Of the first seed, as the details are.
        samples: samples.find(({ algorithm }) => algorithm === result.algorithm)?.rows,
      }))
      const sentences = [...verdict, ...(ranked?.verdict ?? [])]
      return compareReport({ scenario, results: reported, verdict: sentences }, origin)
    })
    await showCharts(
      output,
      ({ compareReport }) => {
        const drawn = results.map((result, i) => ({ result, detail: details[i] }))
        return compareReport({ scenario, results: drawn, verdict })
      },
      2,
    )
    if (output.samples !== undefined) await writeSamples(samples, output.samples)
  }
  if (comparison.interrupted) throw stopped(results.length, comparison.planned)
}

function rendering(
  { scenario, results, details, verdict }: Comparison,
  withDetail = false,
  ranked: RobustnessReport | undefined = undefined,
) {
  const leading = [{ title: 'Algorithm', cells: results.map(({ algorithm }) => algorithm) }]
  return {
    table: (maxWidth: number) =>
      [
        heading(scenario),
        'Latencies in ms; * marks the best.',
        '',
        resultsTable(results, leading, { maxWidth }),
        '',
        ...verdict,
        ...(ranked === undefined ? [] : ['', robustnessText(ranked, maxWidth)]),
      ].join('\n'),
    json: () => {
      const shown = withDetail
        ? results.map((result, i) => ({ ...result, detail: details[i] }))
        : results
      return resultJson(ranked === undefined ? shown : { results: shown, robustness: ranked })
    },
    csv: () => flatCsv(results),
    md: () =>
      `${heading(scenario)}\n\n${resultsMarkdown(results, leading)}\n\n${[...verdict, ...(ranked?.verdict ?? [])].join(' ')}`,
  }
}
