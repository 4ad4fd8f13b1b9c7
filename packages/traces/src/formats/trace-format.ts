import { closestName } from '@routesim/core'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'

/** The trace formats that can be read and written. */
export const TRACE_FORMATS = ['compact_jsonl', 'mooncake', 'otel'] as const

/** The name of a trace format. */
export type TraceFormat = (typeof TRACE_FORMATS)[number]

const ALIASES: ReadonlyMap<string, TraceFormat> = new Map([
  ...TRACE_FORMATS.map((format) => [format, format] as const),
  ['jsonl', 'compact_jsonl'] as const,
  ['opentelemetry', 'otel'] as const,
])

/**
 * The format a name or an alias (`jsonl`, `opentelemetry`) stands for.
 * @throws RouteSimError `trace_option_invalid` when it stands for none
 */
export function parseTraceFormat(name: string): TraceFormat {
  const format = ALIASES.get(name)
  if (format !== undefined) return format
  const near = closestName(name, ALIASES.keys())
  throw traceError(
    'trace_option_invalid',
    `format: expected ${TRACE_FORMATS.join(', ')}, got ${describeValue(name)}`,
    { path: 'format', ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }) },
  )
}

const SIGNS: readonly (readonly [RegExp, TraceFormat])[] = [
  [/"resourceSpans"\s*:/, 'otel'],
  [/"(ts|prompt_tokens|gen_tokens)"\s*:/, 'compact_jsonl'],
  [/"(timestamp|input_length|output_length)"\s*:/, 'mooncake'],
]

/** The format a line looks like, by the names of its fields; `undefined` when it shows none. */
export function detectTraceFormat(line: string): TraceFormat | undefined {
  const start = line.slice(0, 1 << 20)
  return SIGNS.find(([sign]) => sign.test(start))?.[1]
}
