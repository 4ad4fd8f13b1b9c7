import { type ExplainOptions, explain } from '@routesim/experiments'
import { loadOne, splitSpecs } from '../algorithm-list.js'
import type { CommandBody } from '../command-body.js'
import { explainJson } from '../output/explain-json.js'
import { explainText } from '../output/explain-table.js'
import { printFitted } from '../output/wrapped.js'
import { checkTarget, writeText } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'
import { checkInteger } from './check-bounds.js'
import {
  ALGORITHM,
  checkNumbers,
  heading,
  INPUT_OPTIONS,
  NOTHING_YET,
  printNotes,
  RESULT_OPTIONS,
  watched,
} from './experiment-options.js'
import type { TraceArguments } from './trace-arguments.js'

interface ExplainArguments extends TraceArguments {
  config: string
  algorithm: string
  request: readonly string[] | undefined
  worst: number | undefined
  random: number | undefined
  alternatives: number
  format: 'table' | 'json'
  output: string | undefined
  seed: number | undefined
  visibility?: string
}

const MOST_REQUESTS = 1000
const MOST_ALTERNATIVES = 100_000

/** `routesim explain`: why requests went where they went, and what elsewhere would have cost. */
export const explainCommand: CommandBody<ExplainArguments> = {
  builder: (yargs) =>
    yargs
      .options(INPUT_OPTIONS)
      .option('algorithm', ALGORITHM)
      .option('request', {
        type: 'string',
        coerce: (list: string) => splitSpecs(list, '--request'),
        requiresArg: true,
        describe: 'Requests by number in order of arrival, from 0, separated by commas',
      })
      .option('worst', {
        type: 'number',
        requiresArg: true,
        describe: 'The N completed requests with the highest TTFT; 1 if no requests are named',
      })
      .option('random', { type: 'number', requiresArg: true, describe: 'Any N requests' })
      .option('alternatives', {
        type: 'number',
        default: 16,
        requiresArg: true,
        describe: 'Backends tried in hindsight per decision, each by a simulation; 0 for none',
      })
      .option('format', {
        choices: ['table', 'json'] as const,
        default: 'table' as const,
        requiresArg: true,
        describe: 'Print as',
      })
      .options({
        output: { ...RESULT_OPTIONS.output, describe: 'Write to a file instead' },
        seed: RESULT_OPTIONS.seed,
        visibility: {
          ...RESULT_OPTIONS.visibility,
          describe:
            "What routers see: a profile such as llm-d or llm-d:metrics_delay_ms=20; the config's by default",
        },
      })
      .example('$0 explain -c configs/default.toml -a prefix_overlap --worst 3', '')
      .example('$0 explain -c configs/default.toml -a dynamo_kv --request 12,40', '') as never,
  handler: async (args) => {
    const { format, output, alternatives } = args
    const visibility =
      args.visibility === undefined ? [] : splitSpecs(args.visibility, '--visibility')
    checkNumbers({ seed: args.seed, seeds: 1 })
    checkInteger('alternatives', alternatives, 0, MOST_ALTERNATIVES)
    if (visibility.length > 1) {
      throw new UsageError(`--visibility: expected one profile, got ${visibility.join(',')}`)
    }
    const requests = requestsOf(args)
    const isJson = format === 'json'
    const mend = isJson ? undefined : 'Or say --format json.'
    await checkTarget({ format: undefined, output }, [isJson ? '.json' : '.txt'], { mend })
    const algorithm = await loadOne(args.algorithm, '--algorithm')
    const options = { ...args, algorithm, requests, mostAlternatives: alternatives }
    const report = await watched((control) => explain({ ...options, ...control }), NOTHING_YET)
    printNotes(report.scenario, [])
    const json = (): string => {
      const shown = report.requests.map((each) => explainJson(each, report.algorithm))
      return JSON.stringify(shown, undefined, 2)
    }
    const table = (maxWidth: number): string =>
      [
        `${heading(report.scenario)}\nSeen by the router, what was so in brackets; ${alternatives === 0 ? 'times in ms.' : 'TTFT and E2E in ms, had it gone there; * marks the best.'}`,
        ...report.requests.map((each) => explainText(each, report.algorithm, maxWidth)),
      ].join('\n\n')
    if (output !== undefined && output !== '-') {
      await writeText(isJson ? json() : table(Number.POSITIVE_INFINITY), output)
      console.error(`Wrote ${output}`)
    } else if (isJson) console.log(json())
    else printFitted(table)
  },
}

function requestsOf({
  request,
  worst,
  random,
}: Pick<ExplainArguments, 'request' | 'worst' | 'random'>): ExplainOptions['requests'] {
  const given = [request, worst, random].filter((each) => each !== undefined)
  if (given.length > 1) {
    throw new UsageError('--request, --worst, --random: expected one of them, got several')
  }
  if (request !== undefined) {
    const wrong = request.find((word) => !/^\d{1,15}$/.test(word))
    if (wrong !== undefined || request.length === 0) {
      throw new UsageError(`--request: expected numbers from 0 on, got "${wrong ?? ''}"`)
    }
    if (request.length > MOST_REQUESTS) {
      throw new UsageError(`--request: expected at most ${MOST_REQUESTS} of them`)
    }
    return { ids: request.map(Number) }
  }
  if (random !== undefined) {
    checkInteger('random', random, 1, MOST_REQUESTS)
    return { random }
  }
  checkInteger('worst', worst ?? 1, 1, MOST_REQUESTS)
  return { worst: worst ?? 1 }
}
