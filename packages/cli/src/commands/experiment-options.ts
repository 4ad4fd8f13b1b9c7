import type {
  AlgorithmSummary,
  ExperimentOptions,
  ScenarioInfo,
  Stepper,
} from '@routesim/experiments'
import { TRACE_FORMAT_ALIASES, TRACE_FORMATS } from '@routesim/traces'
import type { Options } from 'yargs'
import { splitSpecs } from '../algorithm-list.js'
import { durationText } from '../output/duration.js'
import { ProgressBar } from '../output/progress.js'
import { counted } from '../output/thousands.js'
import { REPORT, type ReportArguments } from '../output/write-report.js'
import { FORMATS, type OutputFormat } from '../output/write-results.js'
import { UsageError } from '../usage-error.js'
import { checkInteger, checkPositive, checkSeed, checkSeeds } from './check-bounds.js'

/** Options that `run`, `compare`, `sweep` and `demo` share. */
export interface ExperimentArguments extends ReportArguments {
  config: string
  format: OutputFormat | undefined
  output: string | undefined
  seed: number | undefined
  seeds: number
  stepper: Stepper
  jobs?: number
  noPerRequest?: boolean
  /** Whether JSON holds what pictures need. */
  detail?: boolean
  sloTtft?: number
  sloTpot?: number
  sloE2e?: number
  sampleInterval?: number
  samples?: string
  visibility?: string
}

export const CONFIG: Options = {
  alias: 'c',
  type: 'string',
  demandOption: true,
  requiresArg: true,
  describe: 'Config file (TOML)',
}

/** What `run` and its like simulate. */
export const ALGORITHM: Options = {
  alias: 'a',
  type: 'string',
  default: 'round_robin',
  requiresArg: true,
  describe: 'Algorithm, name:parameter=value,... or a file that exports one',
}

/** What `sweep` and `capacity` simulate. */
export const ALGORITHMS: Options = {
  alias: ['a', 'A', 'algorithm'],
  type: 'string',
  requiresArg: true,
  describe: 'Algorithm, or a comma-separated list of them; round_robin by default',
}

/** How much traffic `sweep` and `capacity` generate. */
export const SECONDS_PER_RATE: Options = {
  type: 'number',
  requiresArg: true,
  describe:
    "Seconds of traffic generated per rate (default: the config's trace.duration_sec, or 60)",
}

const TRACE: Options = {
  alias: 't',
  type: 'string',
  requiresArg: true,
  describe: "Trace file, - for standard input; the config's trace by default",
}

export const TRACE_FORMAT: Options = {
  choices: [...TRACE_FORMATS, ...Object.keys(TRACE_FORMAT_ALIASES)],
  requiresArg: true,
  describe: 'Format of the trace; detected from its content by default',
}

export const ON_ERROR: Options = {
  choices: ['fail', 'skip'],
  default: 'fail',
  requiresArg: true,
  describe: 'What to do with a faulty line of the trace',
}

const CACHE: Options = {
  type: 'boolean',
  describe: 'Keep the trace in a quick form beside it, <trace>.routesim-cache, for the next time',
}

/** What is kept beside the summary. */
export const DETAIL_OPTIONS: Record<'detail' | 'sample-interval' | 'samples', Options> = {
  detail: {
    type: 'boolean',
    describe: 'Keep curves, a sample of requests and loads over time in JSON, for routesim plot',
  },
  'sample-interval': {
    type: 'number',
    requiresArg: true,
    implies: 'samples',
    describe: 'Look at every backend so often, in seconds of simulated time',
  },
  samples: {
    type: 'string',
    requiresArg: true,
    implies: 'sample-interval',
    describe: 'File for what backends did over time: CSV, or JSON if its name ends so',
  },
}

/** Where the requests of `run`, `compare` and their like come from. */
export const INPUT_OPTIONS: Record<
  'config' | 'trace' | 'trace-format' | 'on-error' | 'cache',
  Options
> = {
  config: CONFIG,
  trace: TRACE,
  'trace-format': TRACE_FORMAT,
  'on-error': ON_ERROR,
  cache: CACHE,
}

/** What requests are promised. */
export const SLO_OPTIONS: Record<'slo-ttft' | 'slo-tpot' | 'slo-e2e', Options> = {
  'slo-ttft': {
    type: 'number',
    requiresArg: true,
    describe: "Time to first token at most, in ms; before the config's",
  },
  'slo-tpot': {
    type: 'number',
    requiresArg: true,
    describe: 'Mean time per output token after the first (ITL) at most, in ms',
  },
  'slo-e2e': {
    type: 'number',
    requiresArg: true,
    describe: 'Time to last token at most, in ms',
  },
}

/** How it is simulated and where results go. */
export const RESULT_OPTIONS: Record<
  | 'format'
  | 'output'
  | 'report'
  | 'seed'
  | 'seeds'
  | 'stepper'
  | 'jobs'
  | 'no-per-request'
  | 'visibility'
  | keyof typeof SLO_OPTIONS,
  Options
> = {
  format: { choices: FORMATS, requiresArg: true, describe: 'Print results as (default: table)' },
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    describe: 'Write results to a file; JSON unless its name or --format says otherwise',
  },
  report: REPORT,
  seed: { type: 'number', requiresArg: true, describe: "Seed; the config's by default" },
  seeds: {
    type: 'number',
    default: 1,
    requiresArg: true,
    describe: 'Run N seeds and give means with 95% intervals',
  },
  stepper: {
    choices: ['fast', 'reference'],
    default: 'fast',
    requiresArg: true,
    describe: 'Simulate stretches of steps at once, or every step; results agree to rounding',
  },
  jobs: {
    alias: 'j',
    type: 'number',
    requiresArg: true,
    describe: 'Simulations at once, on worker threads; by default one per core for much work',
  },
  visibility: {
    type: 'string',
    requiresArg: true,
    describe:
      "What routers see: a profile such as llm-d or llm-d:metrics_delay_ms=20, or several; the config's by default",
  },
  'no-per-request': {
    type: 'boolean',
    describe: 'Keep nothing per request, for very long traffic; percentiles are within 0.4%',
  },
  ...SLO_OPTIONS,
}

const MOST_JOBS = 1024

/** How often a report looks at backends; the series makes it longer for a long run. */
const REPORT_INTERVAL_SEC = 1

/** The options of an experiment as the library takes them. */
export function experimentOptions<T extends ExperimentArguments & { rate?: number | undefined }>(
  args: T,
): { [K in keyof T as K extends 'visibility' ? never : K]: T[K] } & Pick<
  ExperimentOptions,
  'perRequest' | 'detail' | 'slo' | 'sampleIntervalMs' | 'rateRps'
> & {
    readonly visibility: readonly string[] | undefined
  } {
  const { sloTtft: ttftMs, sloTpot: tpotMs, sloE2e: e2eMs, rate: rateRps } = args
  const perRequest = args.noPerRequest !== true
  const detail = perRequest && (args.report !== undefined || args.detail === true)
  const { sampleInterval = detail && args.report !== undefined ? REPORT_INTERVAL_SEC : undefined } =
    args
  const sampleIntervalMs = sampleInterval === undefined ? undefined : sampleInterval * 1000
  const visibility =
    args.visibility === undefined ? undefined : splitSpecs(args.visibility, '--visibility')
  const slo = { ttftMs, tpotMs, e2eMs }
  return { ...args, visibility, perRequest, detail, slo, sampleIntervalMs, rateRps }
}

/** Checks what the option parser lets through. */
export function checkNumbers({
  seed,
  seeds,
  jobs,
  detail,
  noPerRequest,
  sampleInterval,
  ...slo
}: Pick<
  ExperimentArguments,
  | 'seed'
  | 'seeds'
  | 'jobs'
  | 'detail'
  | 'noPerRequest'
  | 'sloTtft'
  | 'sloTpot'
  | 'sloE2e'
  | 'sampleInterval'
>): void {
  if (detail === true && noPerRequest === true) {
    throw new UsageError('--detail: not with --no-per-request, which keeps nothing to show')
  }
  checkPositive('sample-interval', sampleInterval)
  for (const name of ['ttft', 'tpot', 'e2e'] as const) {
    const value = { ttft: slo.sloTtft, tpot: slo.sloTpot, e2e: slo.sloE2e }[name]
    if (value !== undefined && !(value > 0 && value < Number.POSITIVE_INFINITY)) {
      throw new UsageError(`--slo-${name}: expected a number > 0, in ms, got ${value}`)
    }
  }
  checkSeed(seed)
  checkSeeds(seeds)
  checkInteger('jobs', jobs, 1, MOST_JOBS)
}

/** What a command says when it is stopped whose answer is there at the end only. */
export const NOTHING_YET = 'Stopping; there is no answer yet.'

/**
 * Runs an experiment under a progress bar. The first Ctrl-C asks it to stop and keep what it has, the
 * second ends the process.
 */
export async function watched<T>(
  experiment: (control: Pick<ExperimentOptions, 'signal' | 'onProgress'>) => Promise<T>,
  stopping = 'Stopping; finished runs are kept.',
): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    console.error(stopping)
    controller.abort()
  }
  const bar = new ProgressBar()
  process.once('SIGINT', stop)
  try {
    return await experiment({ signal: controller.signal, onProgress: bar.update })
  } finally {
    bar.stop()
    process.off('SIGINT', stop)
  }
}

/** The lines above a table: what was simulated. */
export function heading(scenario: ScenarioInfo): string {
  const { requests, source, spanMs } = scenario
  return `${counted(requests, 'request')} over ${durationText(spanMs)} (${source}) on ${fleetAndSeeds(scenario)}`
}

/** The same for a sweep, whose points differ in their requests. */
export function sweepHeading(scenario: ScenarioInfo, durationSec: number | undefined): string {
  if (durationSec === undefined)
    return `Traffic: ${scenario.source}; first point on ${fleetAndSeeds(scenario)}`
  return `${durationSec} s of traffic per rate (${scenario.source}) on ${fleetAndSeeds(scenario)}`
}

function fleetAndSeeds({ fleet, visibility, events, seeds }: ScenarioInfo): string {
  const trouble = events.length === 0 ? '' : `; ${counted(events.length, 'backend event')}`
  return `${fleet}; visibility ${visibility}; ${seedsText(seeds)}${trouble}`
}

/** Seeds as a heading names them. Of a command that was stopped, some between may be missing. */
export function seedsText(seeds: readonly number[]): string {
  const [first, last] = [seeds[0]!, seeds.at(-1)!]
  if (first === last) return `seed ${first}`
  const isWhole = last - first === seeds.length - 1
  return `${isWhole ? 'seeds' : `${seeds.length} of the seeds`} ${first} to ${last}`
}

/** Tells on stderr what a reader should know before believing the numbers. */
export function printNotes(scenario: ScenarioInfo, results: readonly AlgorithmSummary[]): void {
  for (const note of scenario.notes) console.error(`note: ${note}`)
  if (scenario.seeds.length > 1 && results.length > 0) {
    console.error('note: numbers are means over the seeds, ± half of a 95% interval')
  }
}
