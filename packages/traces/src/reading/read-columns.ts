import type { TraceColumns } from '../columns/trace-columns.js'
import { shorten } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { CompactReader } from '../formats/compact-reader.js'
import type { LineReader } from '../formats/line-reader.js'
import { MooncakeReader } from '../formats/mooncake-reader.js'
import { OtelReader } from '../formats/otel-reader.js'
import { detectTraceFormat, type TraceFormat } from '../formats/trace-format.js'
import { TEMPLATE_FIELDS } from '../template/fields.js'
import { TemplateReader } from '../template/template-reader.js'
import { LineSplitter, type LineTaker } from './line-splitter.js'
import { RecordCollector, type SkippedRecords } from './record-collector.js'

/** How the content of a trace is to be understood. */
export interface ContentOptions {
  /** Told by the content when absent. */
  readonly format: TraceFormat | undefined
  readonly blockTokens: number
  readonly onError: 'fail' | 'skip'
}

/** A trace as columns, and what is to be said about it. */
export interface ColumnsReadResult {
  readonly columns: TraceColumns
  readonly format: TraceFormat
  readonly skipped: SkippedRecords
  readonly ignored: number
}

/** Lines among which some must show the format. */
const DETECTION_LINES = 20

/**
 * Reads the unpacked bytes of a trace, which are called `source` in messages. Without `templates`
 * every line is parsed as JSON, which gives the same.
 * @throws RouteSimError as `readTrace` does
 */
export async function readColumns(
  bytes: AsyncIterable<Uint8Array>,
  source: string,
  options: ContentOptions,
  templates = true,
): Promise<ColumnsReadResult> {
  const collector = new RecordCollector(options.onError)
  const content = new TraceContent(source, collector, options, templates)
  const splitter = new LineSplitter(source, content)
  for await (const chunk of bytes) splitter.push(chunk)
  splitter.end()
  const format = content.end()
  const { columns, skipped, ignored } = collector
  if (columns.size === 0) throw emptyError(source, skipped, ignored)
  return { columns, format, skipped, ignored }
}

/** Passes lines on to the reader of their format, holding the first ones back until it is known. */
class TraceContent implements LineTaker {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly options: ContentOptions
  private readonly templates: boolean
  private format: TraceFormat | undefined
  private reader: LineReader | undefined
  private quick: TemplateReader | undefined
  private readonly held: (readonly [string, number])[] = []

  constructor(
    source: string,
    collector: RecordCollector,
    options: ContentOptions,
    templates: boolean,
  ) {
    this.source = source
    this.collector = collector
    this.options = options
    this.templates = templates
    if (options.format !== undefined) this.choose(options.format)
  }

  bytes(bytes: Uint8Array, view: DataView, at: number): number {
    return this.quick === undefined ? -1 : this.quick.read(bytes, view, at)
  }

  text(text: string, number: number, bytes: Uint8Array): void {
    if (isBlankOrComment(text)) return
    if (this.reader === undefined) {
      this.hold(text, number)
      return
    }
    const { columns } = this.collector
    const before = columns.size
    this.reader.line(text, number)
    if (columns.size > before) this.quick?.learn(bytes)
  }

  end(): TraceFormat {
    if (this.held.length > 0 && this.reader === undefined) throw this.unknown()
    this.reader?.end()
    return this.format ?? 'compact_jsonl'
  }

  private hold(text: string, number: number): void {
    this.held.push([text, number])
    const format = detectTraceFormat(text)
    if (format !== undefined) this.choose(format)
    else if (this.held.length === DETECTION_LINES) throw this.unknown()
  }

  private choose(format: TraceFormat): void {
    const { source, collector, held } = this
    const { blockTokens } = this.options
    this.format = format
    this.reader = lineReader(format, source, collector, blockTokens)
    if (format !== 'otel' && this.templates) {
      this.quick = new TemplateReader(collector.columns, TEMPLATE_FIELDS[format], blockTokens)
    }
    for (const [text, number] of held) this.reader.line(text, number)
    held.length = 0
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
