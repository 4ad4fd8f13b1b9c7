import {
  type LoweredRecords,
  lowerColumns,
  type SessionPromptsMode,
} from '../columns/lower-columns.js'
import { shorten } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { checkBlockTokens } from '../formats/block-tokens.js'
import { CompactReader } from '../formats/compact-reader.js'
import type { LineReader } from '../formats/line-reader.js'
import { MooncakeReader } from '../formats/mooncake-reader.js'
import { OtelReader } from '../formats/otel-reader.js'
import { detectTraceFormat, parseTraceFormat, type TraceFormat } from '../formats/trace-format.js'
import { type ReadProgress, readBytes, sourceName, type TraceSource } from './byte-source.js'
import { lineBatches } from './line-batches.js'
import { RecordCollector, type SkippedRecords } from './record-collector.js'

/** Options of {@link readTrace}. */
export interface ReadTraceOptions {
  /** `compact_jsonl` (`jsonl`), `mooncake` or `otel` (`opentelemetry`); else told by the content. */
  readonly format?: string | undefined
  /** Tokens per hashed block of the trace; default 512, as in the published Mooncake traces. */
  readonly blockTokens?: number | undefined
  /** What a bad line does: end the read (`fail`, the default), or be counted and left out. */
  readonly onError?: 'fail' | 'skip' | undefined
  /** Default `extend`. */
  readonly sessionPrompts?: SessionPromptsMode | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ReadProgress | undefined
}

/** A trace as a table, and what is to be said about it. */
export interface TraceReadResult extends LoweredRecords {
  readonly format: TraceFormat
  /** Name of the source, as in messages. */
  readonly source: string
  /** Bad entries that were left out. */
  readonly skipped: SkippedRecords
  /** Entries that are no LLM requests (spans without token counts). */
  readonly ignored: number
}

/** Lines among which some must show the format. */
const DETECTION_LINES = 20

/**
 * Reads a trace from a file, standard input (`-`) or a stream, packed with gzip or not.
 * @throws RouteSimError `trace_invalid` with file, line, what was found and what was expected;
 *   `trace_empty`, `trace_unreadable`, `trace_aborted`, `trace_option_invalid`
 *
 * @example
 * const { table } = await readTrace('conversation_trace.jsonl.gz')
 */
export async function readTrace(
  source: string | TraceSource,
  options: ReadTraceOptions = {},
): Promise<TraceReadResult> {
  const from = typeof source === 'string' ? { path: source } : source
  const name = sourceName(from)
  const blockTokens = checkBlockTokens(options.blockTokens)
  const collector = new RecordCollector(options.onError ?? 'fail')
  const given = options.format === undefined ? undefined : parseTraceFormat(options.format)
  const lines = new FormatChoice(name, given, (format) =>
    lineReader(format, name, collector, blockTokens),
  )
  let number = 0
  for await (const batch of lineBatches(readBytes(from, options), name)) {
    for (const text of batch) {
      number++
      if (!isBlankOrComment(text)) lines.line(text, number)
    }
  }
  const format = lines.end()
  const { skipped, ignored, columns } = collector
  if (columns.size === 0) throw emptyError(name, skipped, ignored)
  const lowered = lowerColumns(columns, options.sessionPrompts ?? 'extend')
  return { ...lowered, format, source: name, skipped, ignored }
}

/** Passes lines on to the reader of their format, holding the first ones back until it is known. */
class FormatChoice {
  private readonly source: string
  private readonly create: (format: TraceFormat) => LineReader
  private format: TraceFormat | undefined
  private reader: LineReader | undefined
  private readonly held: (readonly [string, number])[] = []

  constructor(
    source: string,
    format: TraceFormat | undefined,
    create: (format: TraceFormat) => LineReader,
  ) {
    this.source = source
    this.create = create
    if (format !== undefined) this.choose(format)
  }

  line(text: string, number: number): void {
    if (this.reader !== undefined) {
      this.reader.line(text, number)
      return
    }
    this.held.push([text, number])
    const format = detectTraceFormat(text)
    if (format !== undefined) this.choose(format)
    else if (this.held.length === DETECTION_LINES) throw this.unknown()
  }

  end(): TraceFormat {
    if (this.held.length > 0 && this.reader === undefined) throw this.unknown()
    this.reader?.end()
    return this.format ?? 'compact_jsonl'
  }

  private choose(format: TraceFormat): void {
    this.format = format
    this.reader = this.create(format)
    for (const [text, number] of this.held) this.reader.line(text, number)
    this.held.length = 0
  }

  private unknown(): Error {
    const [text, number] = this.held[0]!
    const where = `${this.source}:${number}`
    return traceError(
      'trace_invalid',
      `${where}: expected compact JSONL ("ts"), Mooncake ("timestamp") or OTLP JSON ("resourceSpans"), got ${JSON.stringify(shorten(text))}`,
      { path: where, hint: 'Name the format if the content does not show it.' },
    )
  }
}

function lineReader(
  format: TraceFormat,
  source: string,
  collector: RecordCollector,
  blockTokens: number,
): LineReader {
  if (format === 'otel') return new OtelReader(source, collector)
  return format === 'mooncake'
    ? new MooncakeReader(source, collector, blockTokens)
    : new CompactReader(source, collector, blockTokens)
}

function isBlankOrComment(text: string): boolean {
  const first = text.charCodeAt(0)
  if (first === 0x7b) return false
  const trimmed = text.trimStart()
  return trimmed === '' || trimmed.startsWith('#')
}

function emptyError(source: string, skipped: SkippedRecords, ignored: number): Error {
  const found: string[] = []
  if (skipped.count > 0) found.push(`${skipped.count} bad (first: ${skipped.messages[0]})`)
  if (ignored > 0) found.push(`${ignored} spans without token counts`)
  return traceError(
    'trace_empty',
    `${source}: expected at least one request, got ${found.join(' and ') || 'none'}`,
    { path: source },
  )
}
