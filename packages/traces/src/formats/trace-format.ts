import { closestName } from '@routesim/core'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'

/** The trace formats that can be read. */
export const TRACE_FORMATS = [
  'compact_jsonl',
  'mooncake',
  'otel',
  'azure',
  'csv',
  'burstgpt',
  'bailian',
  'agentic',
  'blis',
  'parquet',
  'sharegpt',
  'bench_serve',
  'aiperf_inputs',
  'aiperf_profile',
  'llmservingsim',
] as const

/** The name of a trace format. */
export type TraceFormat = (typeof TRACE_FORMATS)[number]

/** Those that are results of a measurement or texts: they can be read, not written. */
const READ_ONLY = [
  'sharegpt',
  'bench_serve',
  'aiperf_inputs',
  'aiperf_profile',
  'llmservingsim',
] as const

/** A format that can be written. */
export type WritableTraceFormat = Exclude<TraceFormat, (typeof READ_ONLY)[number]>

/** The trace formats that can be written. */
export const WRITABLE_TRACE_FORMATS: readonly WritableTraceFormat[] = TRACE_FORMATS.filter(
  (format): format is WritableTraceFormat => !(READ_ONLY as readonly string[]).includes(format),
)

/** Other names of formats. */
export const TRACE_FORMAT_ALIASES: Readonly<
  Record<'jsonl' | 'opentelemetry' | 'vllm_bench' | 'sglang_bench', TraceFormat>
> = {
  jsonl: 'compact_jsonl',
  opentelemetry: 'otel',
  vllm_bench: 'bench_serve',
  sglang_bench: 'bench_serve',
}

const NAMES: ReadonlyMap<string, TraceFormat> = new Map([
  ...TRACE_FORMATS.map((format) => [format, format] as const),
  ...Object.entries(TRACE_FORMAT_ALIASES),
])

/**
 * The format a name or an alias (`jsonl`, `opentelemetry`, `vllm_bench`, `sglang_bench`) stands for.
 * @throws RouteSimError `trace_option_invalid` when it stands for none
 */
export function parseTraceFormat(name: string): TraceFormat {
  const format = NAMES.get(name)
  if (format !== undefined) return format
  const near = closestName(name, NAMES.keys())
  throw traceError(
    'trace_option_invalid',
    `format: expected ${TRACE_FORMATS.join(', ')}, got ${describeValue(name)}`,
    { path: 'format', ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }) },
  )
}

/**
 * The same for a format to be written.
 * @throws RouteSimError `trace_option_invalid` when it stands for none, or for one that is only read
 */
export function parseWritableFormat(name: string): WritableTraceFormat {
  const format = parseTraceFormat(name)
  const found = WRITABLE_TRACE_FORMATS.find((writable) => writable === format)
  if (found !== undefined) return found
  throw traceError(
    'trace_option_invalid',
    `format: expected one that can be written (${WRITABLE_TRACE_FORMATS.join(', ')}), got ${describeValue(name)}`,
    { path: 'format', hint: 'compact_jsonl holds everything.' },
  )
}

const SIGNS: readonly (readonly [RegExp, TraceFormat])[] = [
  [/"resourceSpans"\s*:/, 'otel'],
  [/"conversations?"\s*:\s*\[/, 'sharegpt'],
  [/"payloads"\s*:/, 'aiperf_inputs'],
  [/"(input_toks|output_toks|sub_requests)"\s*:/, 'llmservingsim'],
  [/"metadata"\s*:.*"metrics"\s*:/, 'aiperf_profile'],
  [/"(input_lens|output_lens)"\s*:/, 'bench_serve'],
  [/"block_size"\s*:.*"requests"\s*:\s*\[/, 'agentic'],
  [/"chat_id"\s*:/, 'bailian'],
  [/"(ts|prompt_tokens|gen_tokens)"\s*:/, 'compact_jsonl'],
  [/"(timestamp|input_length|output_length|hash_ids)"\s*:/, 'mooncake'],
  [/^(?=.*\bTIMESTAMP\b)(?=.*\bContextTokens\b)[^{]*$/i, 'azure'],
  [/^(?=.*\barrival_s\b)(?=.*\binput_tokens\b)[^{]*$/i, 'csv'],
  [/^(?=.*\barrived_at\b)(?=.*\bnum_prefill_tokens\b)[^{]*$/i, 'csv'],
  [/^(?=.*\barrival_timestamp\b)(?=.*\bprompt_size\b)[^{]*$/i, 'csv'],
  [/^(?=.*\bTimestamp\b)(?=.*\bRequest tokens\b)[^{]*$/i, 'burstgpt'],
  [/^(?=.*\brequest_id\b)(?=.*\barrival_time_us\b)[^{]*$/, 'blis'],
]

/** The format a line looks like, by the names of its fields; `undefined` when it shows none. */
export function detectTraceFormat(line: string): TraceFormat | undefined {
  const start = line.slice(0, 1 << 20)
  return SIGNS.find(([sign]) => sign.test(start))?.[1]
}
