import type { CachedRead } from '../cache/cache-layout.js'
import { readCached } from '../cache/read-cached.js'
import {
  type LoweredRecords,
  lowerColumns,
  type SessionPromptsMode,
} from '../columns/lower-columns.js'
import { checkBlockTokens } from '../formats/block-tokens.js'
import { parseTraceFormat, type TraceFormat } from '../formats/trace-format.js'
import {
  isFile,
  type ReadProgress,
  readBytes,
  readRawBytes,
  sourceName,
  type TraceSource,
} from './byte-source.js'
import { readColumns } from './read-columns.js'
import type { SkippedRecords } from './record-collector.js'

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
  /**
   * Keeps what was read in a file beside the trace, `<trace>.routesim-cache`, and reads that one the
   * next time if neither the bytes of the trace nor these options have changed. Not for streams.
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
  /** Entries that are no LLM requests (spans without token counts). */
  readonly ignored: number
  /** What a user should know about the cache, such as why it was not written. */
  readonly notes: readonly string[]
}

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
  const content = {
    format: options.format === undefined ? undefined : parseTraceFormat(options.format),
    blockTokens: checkBlockTokens(options.blockTokens),
    onError: options.onError ?? 'fail',
  }
  const sessionPrompts = options.sessionPrompts ?? 'extend'
  const read = async (onRawBytes?: (bytes: Uint8Array) => void): Promise<CachedRead> => {
    const bytes = readBytes(from, { ...options, onRawBytes })
    const { columns, ...rest } = await readColumns(bytes, name, content)
    return { ...lowerColumns(columns, sessionPrompts), ...rest }
  }
  if (options.cache !== true || !isFile(from)) return { ...(await read()), source: name, notes: [] }
  const cached = await readCached({
    path: name,
    options: JSON.stringify({ ...content, sessionPrompts }),
    rawBytes: () => readRawBytes(from, options),
    read,
  })
  return { ...cached.read, source: name, notes: cached.notes }
}
