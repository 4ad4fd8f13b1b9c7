import { describeLine } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { checkBlockTokens } from '../formats/block-tokens.js'
import { FORMAT_READERS } from '../formats/format-readers.js'
import type { LineReader } from '../formats/line-reader.js'
import { detectTraceFormat, TRACE_FORMATS, type TraceFormat } from '../formats/trace-format.js'
import { TEMPLATE_FIELDS } from '../template/fields.js'
import { TemplateReader } from '../template/template-reader.js'
import type { LineTaker } from './line-splitter.js'
import type { ContentOptions } from './read-columns.js'
import type { RecordCollector } from './record-collector.js'

type TextFormat = Exclude<TraceFormat, 'parquet'>

/** Lines among which some must show the format. */
const DETECTION_LINES = 20

/** Passes lines on to the reader of their format, holding the first ones back until it is known. */
export class TraceContent implements LineTaker {
  private source: string
  private readonly collector: RecordCollector
  private readonly options: ContentOptions
  private readonly templates: boolean
  private format: TextFormat | undefined
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
    if (options.format !== undefined) this.choose(options.format as TextFormat)
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

  /** Lines are of another file from here on. @throws RouteSimError when the format has none */
  nextFile(source: string): void {
    if (this.held.length > 0 && this.reader === undefined) throw this.unknown()
    if (this.reader !== undefined && this.reader.nextFile === undefined) {
      throw traceError(
        'trace_invalid',
        `${source}: expected one file of ${this.format}, got another after ${this.source}`,
        { path: source, hint: 'Only OTLP spans come in several files; merge others first.' },
      )
    }
    this.source = source
    this.reader?.nextFile?.(source)
  }

  end(): TraceFormat {
    if (this.held.length > 0 && this.reader === undefined) throw this.unknown()
    this.reader?.end()
    return this.format ?? 'compact_jsonl'
  }

  private hold(text: string, number: number): void {
    this.held.push([text, number])
    const format = detectTraceFormat(text)
    if (format !== undefined && format !== 'parquet') this.choose(format)
    else if (this.held.length === DETECTION_LINES) throw this.unknown()
  }

  private choose(format: TextFormat): void {
    const { source, collector, held, options } = this
    const { blockTokens, charsPerToken } = options
    this.format = format
    this.reader = FORMAT_READERS[format](source, collector, { blockTokens, charsPerToken })
    const fields = TEMPLATE_FIELDS[format]
    if (fields !== undefined && this.templates) {
      this.quick = new TemplateReader(collector.columns, fields, checkBlockTokens(blockTokens))
    }
    for (const [text, number] of held) this.reader.line(text, number)
    held.length = 0
  }

  private unknown(): Error {
    const [text, number] = this.held[0]!
    const where = `${this.source}:${number}`
    if (this.held.some(([line]) => /^trace_version\s*:/.test(line))) {
      return traceError(
        'trace_invalid',
        `${where}: expected requests, got the header of a TraceV2`,
        {
          path: where,
          hint: 'Give the CSV that belongs to it.',
        },
      )
    }
    return traceError(
      'trace_invalid',
      `${where}: expected compact JSONL ("ts"), Mooncake ("timestamp"), OTLP JSON ("resourceSpans") or another known format, got ${describeLine(text, (start) => JSON.stringify(start))}`,
      {
        path: where,
        hint: `Name the format if the content does not show it: ${TRACE_FORMATS.join(', ')}. Of archives (tar, zip), give the files in them.`,
      },
    )
  }
}

function isBlankOrComment(text: string): boolean {
  const first = text.charCodeAt(0)
  if (first === 0x7b) return false
  const trimmed = text.trimStart()
  return trimmed === '' || trimmed.startsWith('#')
}
