import type { TraceColumns } from '../columns/trace-columns.js'
import { traceError } from '../errors/trace-error.js'
import { checkBlockTokens } from '../formats/block-tokens.js'
import { isParquet, parquetLines } from '../formats/parquet.js'
import type { TraceFormat } from '../formats/trace-format.js'
import { cutPrefixes } from './cut-prefixes.js'
import { ignoredNote } from './ignored-note.js'
import { LineSplitter } from './line-splitter.js'
import { RecordCollector, type SkippedRecords } from './record-collector.js'
import { TraceContent } from './trace-content.js'

/** How the content of a trace is to be understood. */
export interface ContentOptions {
  /** Told by the content when absent. */
  readonly format: TraceFormat | undefined
  /** As is usual in the format when absent. */
  readonly blockTokens: number | undefined
  readonly charsPerToken?: number | undefined
  readonly onError: 'fail' | 'skip'
}

/** A trace as columns, and what is to be said about it. */
export interface ColumnsReadResult {
  readonly columns: TraceColumns
  readonly format: TraceFormat
  readonly skipped: SkippedRecords
  readonly ignored: number
  /** What a user should know of it; each begins with the name of the trace. */
  readonly notes: readonly string[]
}

/** The unpacked bytes of a file of a trace, and its name in messages. */
export interface TraceFile {
  readonly source: string
  readonly bytes: AsyncIterable<Uint8Array>
}

/**
 * Reads the files of a trace. Without `templates` every line is parsed as JSON, which gives the same.
 * @throws RouteSimError as `readTrace` does
 */
export async function readColumns(
  files: readonly TraceFile[],
  options: ContentOptions,
  templates = true,
): Promise<ColumnsReadResult> {
  const collector = new RecordCollector(options.onError)
  const first = files[0]!.source
  const { format: given } = options
  const text = given === 'parquet' ? { ...options, format: undefined } : options
  const content = new TraceContent(first, collector, text, templates)
  let isBinary = false
  for (const { source, bytes } of files) {
    if (source !== first) content.nextFile(source)
    const isFileBinary = await readFile(source, bytes, content, given)
    isBinary ||= isFileBinary
  }
  const format = content.end()
  const { columns, skipped, ignored, misspelled } = collector
  if (columns.size === 0) throw emptyError(first, format, skipped, ignored)
  const cut = cutPrefixes(columns).map((note) => `${first}: ${note}`)
  const notes = [...misspelled.notes, ...cut]
  return { columns, format: isBinary ? 'parquet' : format, skipped, ignored, notes }
}

/** @returns whether it is a Parquet file */
async function readFile(
  source: string,
  bytes: AsyncIterable<Uint8Array>,
  content: TraceContent,
  format: TraceFormat | undefined,
): Promise<boolean> {
  const splitter = new LineSplitter(source, content)
  let binary: Uint8Array[] | undefined
  let isFirst = true
  for await (const chunk of bytes) {
    if (isFirst && isParquet(chunk)) binary = []
    isFirst = false
    if (binary !== undefined) binary.push(chunk.slice())
    else if (format === 'parquet') break
    else splitter.push(chunk)
  }
  if (binary === undefined) {
    if (format === 'parquet' && !isFirst) throw notParquet(source)
    splitter.end()
    return false
  }
  let number = 0
  for await (const line of parquetLines(Buffer.concat(binary), source)) {
    content.text(line, ++number, Buffer.from(line))
  }
  return true
}

function notParquet(source: string): Error {
  return traceError('trace_invalid', `${source}: expected a Parquet file, got something else`, {
    path: source,
  })
}

/** @throws RouteSimError `trace_option_invalid` */
export function checkContentOptions({ blockTokens, charsPerToken }: ContentOptions): void {
  if (blockTokens !== undefined) checkBlockTokens(blockTokens)
  if (charsPerToken === undefined || (charsPerToken > 0 && charsPerToken <= 1000)) return
  throw traceError(
    'trace_option_invalid',
    `charsPerToken: expected a number from 0 to 1000, got ${charsPerToken}`,
    { path: 'charsPerToken' },
  )
}

function emptyError(
  source: string,
  format: TraceFormat,
  skipped: SkippedRecords,
  ignored: number,
): Error {
  const bad = skipped.count > 0 ? `${skipped.count} bad (first: ${skipped.messages[0]})` : 'none'
  const why = ignored > 0 ? `: ${ignoredNote(format, ignored)}` : ''
  return traceError('trace_empty', `${source}: expected at least one request, got ${bad}${why}`, {
    path: source,
  })
}
