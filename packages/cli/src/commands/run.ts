import { type AlgorithmSummary, loadAlgorithm, run, type ScenarioInfo } from '@routesim/experiments'
import type { CommandModule } from 'yargs'
import { distributionTable } from '../output/distribution-table.js'
import { flatCsv } from '../output/flat-csv.js'
import { resultsMarkdown } from '../output/results-table.js'
import { checkTarget, writeResults } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'
import {
  CACHE,
  CONFIG,
  checkNumbers,
  type ExperimentArguments,
  experimentOptions,
  heading,
  ON_ERROR,
  printNotes,
  RESULT_OPTIONS,
  TRACE,
  TRACE_FORMAT,
  watched,
} from './experiment-options.js'
import type { TraceArguments } from './trace-arguments.js'

interface RunArguments extends ExperimentArguments, TraceArguments {
  algorithm: string
}

/** `routesim run`: one algorithm, every statistic. */
export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run',
  describe: 'Simulate one routing algorithm',
  builder: (yargs) =>
    yargs
      .options({ config: CONFIG, trace: TRACE })
      .option('algorithm', {
        alias: 'a',
        type: 'string',
        default: 'round_robin',
        requiresArg: true,
        describe: 'Algorithm, name:parameter=value,... or a file that exports one',
      })
      .options(RESULT_OPTIONS)
      .options({ 'trace-format': TRACE_FORMAT, 'on-error': ON_ERROR, cache: CACHE })
      .example('$0 run -c configs/default.toml -a prefix_aware:cache_weight=0.9', '')
      .example('$0 run -c configs/default.toml -a ./my-router.ts', '') as never,
  handler: async (args) => {
    checkNumbers(args)
    await checkTarget(args)
    const algorithm = await loadAlgorithm(args.algorithm)
    const { visibility: profiles = [] } = args
    if (profiles.length > 1) {
      throw new UsageError(`--visibility: expected one profile, got ${profiles.join(',')}`)
    }
    const { scenario, result } = await watched((control) =>
      run({ ...experimentOptions(args), ...control, algorithm }),
    )
    printNotes(scenario, [result])
    await writeResults(rendering(scenario, result), args)
  },
}

function rendering(scenario: ScenarioInfo, result: AlgorithmSummary) {
  const leading = [{ title: 'Algorithm', cells: [result.algorithm] }]
  return {
    table: () => `${heading(scenario)}\n\n${result.algorithm}\n${distributionTable(result)}`,
    json: () => JSON.stringify(result, undefined, 2),
    csv: () => flatCsv([result]),
    md: () => resultsMarkdown([result], leading),
  }
}
