import type { CachedRead } from '../cache/cache-layout.js'
import { readCached } from '../cache/read-cached.js'
import {
  type LoweredRecords,
  lowerColumns,
  type SessionPromptsMode,
} from '../columns/lower-columns.js'
import { parseTraceFormat, type TraceFormat } from '../formats/trace-format.js'
import {
  isFile,
  type ReadProgress,
  readBytes,
  readRawBytes,
  sourceName,
  type TraceSource,
} from './byte-source.js'
import { checkContentOptions, readColumns } from './read-columns.js'
import type { SkippedRecords } from './record-collector.js'
import { filesOf } from './trace-files.js'

/** Options of {@link readTrace}. */
export interface ReadTraceOptions {
  /** One of {@link TRACE_FORMATS}, or an alias; else told by the content. */
  readonly format?: string | undefined
  /**
   * Tokens per hashed block where the lines of the trace do not say it; default 512, as in the published
   * Mooncake traces, and 16 for Bailian's. The table has it in `prompts.blockTokens`.
   */
  readonly blockTokens?: number | undefined
  /** Characters per token, where a trace holds texts without counts; default 4. */
  readonly charsPerToken?: number | undefined
  /** What a bad line does: end the read (`fail`, the default), or be counted and left out. */
  readonly onError?: 'fail' | 'skip' | undefined
  /** Default `extend`. */
  readonly sessionPrompts?: SessionPromptsMode | undefined
  /**
   * Keeps what was read in a file beside the trace, `<trace>.routesim-cache`, and reads that one the
   * next time if neither the bytes of the trace nor these options have changed. Not for streams and
   * several files, as a note says then.
   */
  readonly cache?: boolean | undefined
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
  /** Entries that are no requests to simulate: spans without token counts, requests that failed. */
  readonly ignored: number
  /** What a user should know: misspelled keys, prefixes that were cut, or why the cache was not written. */
  readonly notes: readonly string[]
}

/**
 * Reads a trace from a file, standard input (`-`) or a stream, packed with gzip or zstd or not. OTLP
 * spans may also come as several files, or as a directory of them.
 * @throws RouteSimError `trace_invalid` with file, line, what was found and what was expected;
 *   `trace_empty`, `trace_unreadable`, `trace_aborted`, `trace_option_invalid`
 *
 * @example
 * const { table } = await readTrace('conversation_trace.jsonl.gz')
 */
export async function readTrace(
  source: string | TraceSource | readonly string[],
  options: ReadTraceOptions = {},
): Promise<TraceReadResult> {
  const files = await filesOf(source)
  const from = files[0]!
  const name = sourceName(from)
  const content = {
    format: options.format === undefined ? undefined : parseTraceFormat(options.format),
    blockTokens: options.blockTokens,
    charsPerToken: options.charsPerToken,
    onError: options.onError ?? 'fail',
  }
  checkContentOptions(content)
  const sessionPrompts = options.sessionPrompts ?? 'extend'
  const read = async (onRawBytes?: (bytes: Uint8Array) => void): Promise<CachedRead> => {
    const opened = files.map((file) => ({
      source: sourceName(file),
      bytes: readBytes(file, { ...options, onRawBytes }),
    }))
    const { columns, ...rest } = await readColumns(opened, content)
    return { ...lowerColumns(columns, sessionPrompts), ...rest }
  }
  const isCached = options.cache === true && files.length === 1 && isFile(from)
  if (!isCached) {
    const what = files.length > 1 ? 'several files' : 'what is no file'
    const notes = options.cache === true ? [`${name}: ${what} can not be cached, read anew`] : []
    const found = await read()
    return { ...found, source: name, notes: [...found.notes, ...notes] }
  }
  const cached = await readCached({
    path: name,
    options: JSON.stringify({ ...content, sessionPrompts }),
    rawBytes: () => readRawBytes(from, options),
    read,
  })
  return { ...cached.read, source: name, notes: [...cached.read.notes, ...cached.notes] }
}
