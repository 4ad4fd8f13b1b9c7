import { statSync } from 'node:fs'
import type { ServingSimAxes, ServingSimTraffic, ServingSimTransfer } from '@routesim/experiments'
import { SERVING_SIMULATOR_SOURCES } from '@routesim/traces'
import type { Options } from 'yargs'
import { splitSpecs } from '../algorithm-list.js'
import { UsageError } from '../usage-error.js'
import { aboveZero, checkSeed, MOST } from './check-bounds.js'
import { checkDefaultTrace } from './default-trace.js'

function list(describe: string, ...byDefault: readonly string[]): Options {
  return { type: 'string', array: true, requiresArg: true, default: byDefault, describe }
}

function file(describe: string, byDefault?: string): Options {
  return {
    type: 'string',
    requiresArg: true,
    describe,
    ...(byDefault !== undefined && { default: byDefault }),
  }
}

function number(describe: string, byDefault: number): Options {
  return { type: 'number', requiresArg: true, default: byDefault, describe }
}

const TRACE_BY_DEFAULT = 'traces/conversation_trace.jsonl'

/** The flags of the serving simulator with its defaults, and what is new. */
export const SERVING_SIM_OPTIONS: Record<string, Options> = {
  prefill_config: file('Prefill instances (JSON); 4 x A100 40GB with tp 4 by default'),
  decode_config: file('Decode instances (JSON); 4 x A100 40GB with tp 8 by default'),
  model_id: file(
    'Model: a name that list-models prints, with or without its organisation, or a config.json',
    'unsloth/Llama-3.3-70B-Instruct',
  ),
  lambda_arrival: list('Requests per second, of a Poisson process; several make a sweep', '2'),
  prefill_global: list(
    'Who prefills: lowest_load, random, any algorithm, or a file',
    'lowest_load',
  ),
  prefill_local: list('Order of prefill queues: milp, random, or any local policy', 'fcfs'),
  decode_global: list('Who decodes, as prefill_global', 'lowest_load'),
  decode_local: list('Order of decode queues, as prefill_local', 'fcfs'),
  ttft_slo: list('Time to first token at most, in seconds', '10'),
  tpot_slo: list('Time per output token at most, in seconds', '0.5'),
  request_source: {
    choices: SERVING_SIMULATOR_SOURCES,
    default: 'mooncake',
    requiresArg: true,
    describe: 'Lengths of requests: of a trace, or drawn',
  },
  trace_path: file('mooncake: the trace, in any known format', TRACE_BY_DEFAULT),
  request_count: {
    type: 'number',
    requiresArg: true,
    describe: 'zipfian, lognormal: how many (default: 10000); of a trace, all are taken',
  },
  zipf_s: number('zipfian: exponent, above 1', 2),
  lognormal_mean: number('lognormal: mean of the logarithm', 9),
  max_len: { type: 'number', requiresArg: true, describe: 'Without effect, as in the original' },
  seed: number('Seed of arrivals, lengths, policies and samples', 2025),
  n_jobs: {
    type: 'number',
    requiresArg: true,
    describe: 'Simulations at once; by default one per core for much work',
  },
  csv_output: file('Statistics of each combination (CSV); none by default'),
  checkpoint_path: file('Result log to which each combination is appended (JSONL)'),
  resume: { type: 'boolean', describe: 'Do only what is missing in the checkpoint' },
  sample_queue_states: { type: 'boolean', describe: 'Sample the queues of prefill instances' },
  sample_memory_usage: { type: 'boolean', describe: 'Sample the KV memory of decode instances' },
  sample_rate: number('Share of prefill dispatches, and of moments 50 ms apart, to look at', 0.001),
  queue_states_output: file('Where queue states go (CSV)', 'queue_states.csv'),
  memory_usage_output: file('Where memory usage goes (CSV)', 'memory_usage.csv'),
  request_states_output: file('Write when each request entered each state (CSV); new'),
  kv_transfer_gb_s: number('Bandwidth of a KV transfer in 10^9 bytes/s; new', 1),
  kv_transfer_contention: {
    choices: ['none', 'exclusive'],
    default: 'none',
    requiresArg: true,
    describe: 'Whether an instance sends, and receives, one KV cache at a time; new',
  },
  kv_transfer_overlap: {
    choices: ['none', 'layerwise'],
    default: 'none',
    requiresArg: true,
    describe: 'Whether layers are sent as soon as they are computed; new',
  },
  decode_decision: {
    choices: ['arrival', 'hand_over'],
    requiresArg: true,
    describe: 'When decode_global is asked (default: hand_over; with layerwise, arrival); new',
  },
  extensions: file('Folder of NAME.ts for policies and NAME.json for models that are named; new'),
}

/** The options above as the parser gives them. */
export interface ServingSimArguments {
  commandLine: readonly string[]
  prefill_config?: string
  decode_config?: string
  model_id: string
  lambda_arrival: readonly string[]
  prefill_global: readonly string[]
  prefill_local: readonly string[]
  decode_global: readonly string[]
  decode_local: readonly string[]
  ttft_slo: readonly string[]
  tpot_slo: readonly string[]
  request_source: ServingSimTraffic['source']
  trace_path: string
  request_count?: number
  zipf_s: number
  lognormal_mean: number
  max_len?: number
  seed: number
  n_jobs?: number
  csv_output?: string
  checkpoint_path?: string
  resume?: boolean
  sample_queue_states?: boolean
  sample_memory_usage?: boolean
  sample_rate: number
  queue_states_output: string
  memory_usage_output: string
  request_states_output?: string
  kv_transfer_gb_s: number
  kv_transfer_contention: ServingSimTransfer['contention']
  kv_transfer_overlap: ServingSimTransfer['overlap']
  decode_decision?: ServingSimTransfer['decodeDecision']
  extensions?: string
}

/** @throws UsageError */
export function axesOf(args: ServingSimArguments): ServingSimAxes {
  return {
    lambdaArrival: numbers(args, 'lambda_arrival'),
    prefillGlobal: names(args, 'prefill_global'),
    prefillLocal: names(args, 'prefill_local'),
    decodeGlobal: names(args, 'decode_global'),
    decodeLocal: names(args, 'decode_local'),
    ttftSlo: numbers(args, 'ttft_slo'),
    tpotSlo: numbers(args, 'tpot_slo'),
  }
}

const MOST_REQUESTS = 1e8
const REQUESTS_BY_DEFAULT = 10_000

/** @throws UsageError */
export function trafficOf(args: ServingSimArguments): ServingSimTraffic {
  const { request_count: count = REQUESTS_BY_DEFAULT, seed, zipf_s, lognormal_mean } = args
  if (args.request_source === 'mooncake') {
    const mend = '; lengths can be drawn instead, with --request_source zipfian'
    checkDefaultTrace('trace_path', args.trace_path, TRACE_BY_DEFAULT, mend)
  }
  check('request_count', count, Number.isInteger(count) && count >= 1 && count <= MOST_REQUESTS, {
    wanted: `an integer from 1 to ${MOST_REQUESTS}`,
  })
  check('zipf_s', zipf_s, zipf_s > 1 && zipf_s < 1e3, { wanted: 'a number > 1 and < 1000' })
  const isMean = lognormal_mean >= 0 && lognormal_mean <= 20
  check('lognormal_mean', lognormal_mean, isMean, { wanted: 'a number from 0 to 20' })
  checkSeed(seed)
  return {
    source: args.request_source,
    tracePath: args.trace_path,
    requestCount: count,
    zipfS: zipf_s,
    lognormalMean: lognormal_mean,
    seed,
  }
}

/** @throws UsageError */
export function transferOf(args: ServingSimArguments): ServingSimTransfer {
  const { kv_transfer_gb_s: gbPerSec, kv_transfer_contention: contention } = args
  const { kv_transfer_overlap: overlap, decode_decision } = args
  const isAhead = overlap === 'layerwise'
  if (isAhead && decode_decision === 'hand_over') {
    throw new UsageError(
      '--kv_transfer_overlap: layerwise takes --decode_decision arrival: nothing can be sent ahead to nobody',
    )
  }
  const decodeDecision = decode_decision ?? (isAhead ? 'arrival' : 'hand_over')
  return { gbPerSec, contention, overlap, decodeDecision }
}

/** Checks what is neither an axis nor traffic. @throws UsageError */
export function checkRest(args: ServingSimArguments): void {
  const { extensions } = args
  const isFolder =
    extensions === undefined || statSync(extensions, { throwIfNoEntry: false })?.isDirectory()
  check('extensions', extensions, isFolder === true, { wanted: 'a folder' })
  const { n_jobs, sample_rate, kv_transfer_gb_s: bandwidth, resume, checkpoint_path } = args
  const isCount = n_jobs === undefined || (Number.isInteger(n_jobs) && n_jobs >= 1)
  check('n_jobs', n_jobs, isCount && (n_jobs ?? 1) <= 1024, { wanted: 'an integer from 1 to 1024' })
  const isShare = sample_rate > 0 && sample_rate <= 1
  check('sample_rate', sample_rate, isShare, { wanted: 'a number > 0 and <= 1' })
  const isBandwidth = bandwidth > 0 && bandwidth < Number.POSITIVE_INFINITY
  check('kv_transfer_gb_s', bandwidth, isBandwidth, { wanted: 'a number > 0' })
  if (resume === true && checkpoint_path === undefined) {
    throw new UsageError('--resume: expected --checkpoint_path FILE with it, got none')
  }
}

function numbers(args: ServingSimArguments, flag: 'lambda_arrival' | 'ttft_slo' | 'tpot_slo') {
  return names(args, flag).map((text) => {
    const value = Number(text)
    check(flag, text, value > 0 && value <= MOST, { wanted: `numbers ${aboveZero(value)}` })
    return value
  })
}

function names(args: ServingSimArguments, flag: keyof ServingSimAxesFlags): string[] {
  const words = args.commandLine
  const next = words[words.lastIndexOf(`--${flag}`) + 1]
  // The option parser takes a list without values for one that is absent.
  if (words.includes(`--${flag}`) && (next === undefined || next.startsWith('--'))) {
    throw new UsageError(`--${flag}: expected a value, got none`)
  }
  return args[flag].flatMap((list) => splitSpecs(list, `--${flag}`))
}

type ServingSimAxesFlags = Pick<
  ServingSimArguments,
  | 'lambda_arrival'
  | 'prefill_global'
  | 'prefill_local'
  | 'decode_global'
  | 'decode_local'
  | 'ttft_slo'
  | 'tpot_slo'
>

function check(
  flag: string,
  found: unknown,
  isFine: boolean,
  { wanted }: { readonly wanted: string },
): void {
  if (!isFine) throw new UsageError(`--${flag}: expected ${wanted}, got ${found}`)
}
