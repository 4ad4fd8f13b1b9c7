import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { type RequestSource, type RequestTable, RouteSimError, tableSource } from '@routesim/core'
import {
  expectedRequests,
  GeneratedSource,
  type GeneratorOptions,
  ignoredNote,
  type Retiming,
  readTrace,
  skippedNote,
  TraceGeneration,
  type WorkloadSpec,
} from '@routesim/traces'
import { besideConfig } from '../config/locate-files.js'
import type { MovedTimes } from '../config/move-events.js'
import { namedInConfig } from '../config/named-in-config.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { listed } from '../notes/listed.js'
import { interrupted } from '../run/execute.js'
import { fromFirstArrival } from './from-first-arrival.js'
import { withNumbersRead } from './read-numbers.js'
import { retimed } from './retimed.js'
import { toWorkload } from './to-workload.js'
import { pathInSection } from './workload-schema.js'

/** Requests between two looks at the outside world: some ms of work. */
const REQUESTS_PER_SLICE = 50_000

/** How a trace file is read, where the config does not say. */
export interface TraceOptions {
  /** Format of the file; the config's, else detected from its content. */
  readonly traceFormat?: string | undefined
  /** What a faulty line does: `fail` (the default) or `skip`. */
  readonly onError?: 'fail' | 'skip' | undefined
  /** Keeps what was read in a file beside the trace, for the next time; off by default. */
  readonly cache?: boolean | undefined
  /** Other times of arrival for requests that are read or given; the config's by default. */
  readonly arrivals?: Retiming | undefined
  /** With these, requests per second; the config's by default. */
  readonly rateRps?: number | undefined
  /** Stops the reading. */
  readonly signal?: AbortSignal
}

/** Where requests come from. */
export interface WorkloadSource {
  /**
   * The requests of a run with some seed: generated traffic differs, a trace does not.
   * @throws RouteSimError `interrupted` when the signal says so
   */
  requests(seed: number, signal?: AbortSignal): Promise<RequestTable>
  /** The same one by one, for a run that keeps nothing per request; anew at every call. */
  source(seed: number, signal?: AbortSignal): Promise<RequestSource>
  /** How many requests of a seed there are, and the time between the first and the last, without keeping them. */
  extent(seed: number, signal?: AbortSignal): Promise<Extent>
  /** Whether the requests of that seed are at hand. */
  isMade(seed: number): boolean
  /** Whether they differ with the seed. */
  readonly isSeeded: boolean
  /** About as many as there are, before they are made. */
  readonly expectedRequests: number
  /** What generated requests are made from. */
  readonly generator?: GeneratorSource
  /** Requests per second at which those of a trace are to come instead of at their own. */
  readonly rateRps?: number | undefined
  /** What became of the times of a trace, with which what happens to backends moves; nothing when absent. */
  moved?(): Promise<MovedTimes>
  readonly description: string
  readonly notes: readonly string[]
}

/** How much traffic there is. */
interface Extent {
  readonly requests: number
  readonly spanMs: number
}

type TraceSection = Config['trace']

/** What requests are generated from: a `[trace]` section, or what a `[workload]` section describes. */
export type GeneratorSource = TraceSection | WorkloadSpec

/**
 * The requests of an experiment: those given, else the trace given, else the config's trace file,
 * else what its generator makes.
 *
 * @param configPath - where the config came from: trace paths may be relative to it
 * @throws RouteSimError `trace_missing`, and what reading a trace throws
 */
export async function loadWorkload(
  config: Config,
  given: string | RequestTable | WorkloadSource | undefined,
  options: TraceOptions,
  configPath: string | undefined,
): Promise<WorkloadSource> {
  const source = await sourceOf(config, given, options, configPath)
  const arrivals = options.arrivals ?? config.trace.arrivals
  const rateRps = options.rateRps ?? config.trace.rate
  if (arrivals === undefined) {
    if (options.rateRps !== undefined) throw strayRate(options.rateRps)
    return source
  }
  return retimed(source, arrivals, arrivals === 'at_once' ? options.rateRps : rateRps)
}

async function sourceOf(
  config: Config,
  given: string | RequestTable | WorkloadSource | undefined,
  options: TraceOptions,
  configPath: string | undefined,
): Promise<WorkloadSource> {
  const { trace } = config
  if (typeof given === 'object') {
    if ('expectedRequests' in given) return given
    return fixedWorkload(given, 'requests given', [])
  }
  if (given !== undefined) return readWorkload(given, trace, options, false)
  const generator = await generatorOf(config, configPath)
  if (generator !== undefined) return generatedWorkload(generator, config.workload)
  if (trace.path !== undefined) return readNamed(trace.path, trace, options, configPath)
  throw new RouteSimError<ExperimentsErrorCode>(
    'trace: expected a trace file or a generator, got none',
    {
      code: 'trace_missing',
      hint: 'Give a trace with -t, set path or generator in the [trace] section of the config, or describe a [workload].',
    },
  )
}

/**
 * What the requests of a config are generated from; `undefined` when they are read, or there are none.
 * @throws RouteSimError `options_conflict`, `numbers_invalid`
 */
export async function generatorOf(
  { trace, workload }: Config,
  configPath: string | undefined,
): Promise<GeneratorSource | undefined> {
  const described = toWorkload(await withNumbersRead(workload, configPath), 0)
  if (described !== undefined) {
    checkOneSource(trace)
    return described
  }
  const isGenerated = trace.generator !== undefined || trace.rate !== undefined
  return trace.path === undefined && isGenerated ? trace : undefined
}

function strayRate(rateRps: number): Error {
  return new RouteSimError<ExperimentsErrorCode>(
    `rate: expected nothing without other arrivals, got ${rateRps}`,
    { code: 'options_conflict', path: 'rate', hint: 'Say which: --arrivals rescaled, or poisson.' },
  )
}

/** A config describes one workload. */
function checkOneSource({ path, generator }: TraceSection): void {
  if (path === undefined && generator === undefined) return
  const key = path === undefined ? 'generator' : 'path'
  throw new RouteSimError<ExperimentsErrorCode>(
    `trace.${key}: expected nothing beside a [workload] that says how requests arrive, got "${path ?? generator}"`,
    { code: 'options_conflict', path: `trace.${key}`, hint: 'Leave one of the two out.' },
  )
}

/**
 * Traffic from the generator.
 * @param section - where the keys stand that describe a workload, for errors
 */
export function generatedWorkload(
  from: GeneratorSource,
  section: WithClients = {},
): WorkloadSource {
  const options = 'clients' in from ? from : generatorOptions(from)
  const named = <T>(work: () => T): T =>
    'clients' in options ? namedInWorkload(section, work) : namedInTrace(work)
  // Only the latest: with many seeds, all of them would not fit.
  let latest: { readonly seed: number; readonly table: Promise<RequestTable> } | undefined
  let prepared: { readonly seed: number; readonly source: GeneratedSource } | undefined
  const prepare = async (seed: number, signal?: AbortSignal): Promise<GeneratedSource> => {
    const source = prepared?.seed === seed ? prepared.source : undefined
    prepared = undefined
    return source ?? prepareSource({ ...options, seed }, named, signal)
  }
  return {
    source: prepare,
    async extent(seed, signal) {
      if (seed === latest?.seed) return extentOf(await latest.table)
      const source = await prepare(seed, signal)
      prepared = { seed, source }
      return { requests: source.size, spanMs: source.spanMs }
    },
    description: `generated, ${describe(options)}`,
    notes: [],
    isSeeded: true,
    expectedRequests: named(() => expectedRequests(options)),
    generator: from,
    isMade: (seed) => seed === latest?.seed,
    requests(seed, signal) {
      if (latest?.seed !== seed)
        latest = { seed, table: generate({ ...options, seed }, named, signal) }
      return latest.table
    },
  }
}

function describe(options: GeneratorOptions | WorkloadSpec): string {
  if (!('clients' in options)) return options.kind ?? 'poisson'
  const { clients } = options
  const [first] = clients
  return clients.length === 1 ? first!.arrivals.kind : `${clients.length} clients`
}

async function generate(
  options: GeneratorOptions | WorkloadSpec,
  named: Named,
  signal: AbortSignal | undefined,
): Promise<RequestTable> {
  const generation = named(() => new TraceGeneration(options))
  while (!named(() => generation.run(REQUESTS_PER_SLICE))) {
    await setImmediate()
    if (signal?.aborted) throw interrupted()
  }
  return named(() => generation.table())
}

async function prepareSource(
  options: GeneratorOptions | WorkloadSpec,
  named: Named,
  signal: AbortSignal | undefined,
): Promise<GeneratedSource> {
  const source = named(() => new GeneratedSource(options))
  while (!named(() => source.prepare(REQUESTS_PER_SLICE))) {
    await setImmediate()
    if (signal?.aborted) throw interrupted()
  }
  return source
}

/** Does something whose errors are to name the keys of a config. */
type Named = <T>(work: () => T) => T

/** A `[workload]` section, as far as errors need it. */
type WithClients = Parameters<typeof pathInSection>[1]

/** Errors name the keys of a `[workload]` section, which may have no clients of its own. */
export function namedInWorkload<T>(section: WithClients, work: () => T): T {
  return renamed(work, (path) => {
    const keys = pathInSection(path, section)
    return `workload${keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}`
  })
}

/** Errors name the keys of the `[trace]` section. */
function namedInTrace<T>(work: () => T): T {
  return renamed(work, (path) => `trace.${KEYS[path as keyof GeneratorOptions] ?? path}`)
}

function renamed<T>(work: () => T, keyOf: (path: string) => string): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.path === undefined) throw error
    const path = keyOf(error.path)
    const { code, hint } = error
    const message = error.message.replace(error.path, path)
    throw new RouteSimError(message, { code, path, cause: error, ...(hint && { hint }) })
  }
}

/** Reads the trace that the config names; what is wrong with it is told with the place of its name. */
async function readNamed(
  path: string,
  trace: TraceSection,
  options: TraceOptions,
  configPath: string | undefined,
): Promise<WorkloadSource> {
  try {
    return await readWorkload(besideConfig(path, configPath), trace, options, true)
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.code === 'trace_aborted') throw error
    throw await namedInConfig(error, ['trace', 'path'], path, configPath)
  }
}

async function readWorkload(
  path: string,
  trace: TraceSection,
  { traceFormat, onError, cache, signal, arrivals }: TraceOptions,
  isFromConfig: boolean,
): Promise<WorkloadSource> {
  const {
    table,
    format,
    skipped,
    ignored,
    notes: found,
  } = await readTrace(path, {
    format: traceFormat ?? (trace.format === 'synthetic' ? undefined : trace.format),
    blockTokens: trace.block_size,
    charsPerToken: trace.chars_per_token,
    sessionPrompts: trace.session_prompts,
    onError,
    cache,
    signal,
  })
  const notes: string[] = [...found]
  if (skipped.count > 0) {
    const lines = skipped.messages.join('\n  ')
    notes.push(`${skippedNote(skipped.count)}, the first of them:\n  ${lines}`)
  }
  if (ignored > 0) notes.push(ignoredNote(format, ignored))
  if (isFromConfig) notes.push(...besidePath(trace, arrivals ?? trace.arrivals))
  const name = path === '-' ? 'standard input' : basename(path)
  const requests = fromFirstArrival(table)
  return fixedWorkload(requests, `${name}, ${format}`, notes)
}

/** Names the keys of a generator beside the path of a trace, which is used instead. */
function besidePath(trace: TraceSection, arrivals: Retiming | undefined): string[] {
  const keys = Object.values(KEYS).filter((key) => trace[key] !== undefined)
  const idle = arrivals === undefined ? keys : keys.filter((key) => key !== 'rate')
  if (idle.length === 0) return []
  const hint = idle.includes('rate') ? '; arrivals = "rescaled" sends it at the rate' : ''
  return [`the trace that [trace] names is used as it is, without ${listed(idle)}${hint}`]
}

/** Requests that are the same under every seed. */
export function fixedWorkload(
  requests: RequestTable,
  description: string,
  notes: readonly string[],
): WorkloadSource {
  return {
    requests: async () => requests,
    source: async () => tableSource(requests),
    extent: async () => extentOf(requests),
    isMade: () => true,
    isSeeded: false,
    expectedRequests: requests.size,
    description,
    notes,
  }
}

function extentOf({ size, arrivalMs }: RequestTable): Extent {
  return { requests: size, spanMs: size === 0 ? 0 : arrivalMs[size - 1]! - arrivalMs[0]! }
}

/** What the options of the generator are called in a config. */
const KEYS: Readonly<Partial<Record<keyof GeneratorOptions, keyof TraceSection>>> = {
  kind: 'generator',
  rateRps: 'rate',
  durationSec: 'duration_sec',
  cv: 'cv',
  burstiness: 'burstiness',
  baseRateRps: 'base_rate',
  burstRateRps: 'burst_rate',
  burstDurationSec: 'burst_duration_sec',
  burstIntervalSec: 'burst_interval_sec',
  peakRateRps: 'peak_rate',
  troughRateRps: 'trough_rate',
  periodSec: 'period_sec',
  promptTokensMean: 'prompt_tokens_mean',
  promptTokensStd: 'prompt_tokens_std',
  genTokensMean: 'gen_tokens_mean',
  genTokensStd: 'gen_tokens_std',
  lengthDistribution: 'length_distribution',
  numPrefixes: 'num_prefixes',
  prefixLenMean: 'prefix_len_mean',
  prefixLenStd: 'prefix_len_std',
  prefixPopularity: 'prefix_popularity',
  zipfExponent: 'zipf_exponent',
  turnsMean: 'turns_mean',
  numSessions: 'num_sessions',
  thinkTimeMeanSec: 'think_time_mean_sec',
  newTokensMean: 'new_tokens_mean',
  newTokensStd: 'new_tokens_std',
  maxPromptTokens: 'max_prompt_tokens',
}

function generatorOptions(trace: TraceSection): GeneratorOptions {
  const entries = Object.entries(KEYS).map(([option, key]) => [option, trace[key]])
  return Object.fromEntries(entries) as GeneratorOptions
}
