import { createWriteStream } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import { traceError } from '../errors/trace-error.js'
import { checkBlockTokens } from '../formats/block-tokens.js'
import { encodeCompact } from '../formats/compact-writer.js'
import { encodeMooncake } from '../formats/mooncake-writer.js'
import { encodeOtel } from '../formats/otel-writer.js'
import { parseTraceFormat } from '../formats/trace-format.js'
import type { EncodedTrace } from './encoded-trace.js'

/** Options of {@link writeTrace}. */
export interface WriteTraceOptions {
  /** The names of prefixes, from the read; without them they are called `p0`, `p1`... */
  readonly prefixHashes?: PrefixHashes | undefined
  /** Mooncake: tokens per hashed block; default 512. */
  readonly blockTokens?: number | undefined
  /** OTel: a document per line (`lines`, the default), or one `document`. */
  readonly otelLayout?: 'lines' | 'document' | undefined
  /** Packs with gzip; default: when the path ends in `.gz`. */
  readonly gzip?: boolean | undefined
}

/** What was written, and what was not. */
export interface TraceWriteResult {
  readonly requests: number
  /**
   * Columns of the table that the format can not hold, or not exactly; `prompts` is what prompts
   * share, `prefix_hash` the names of prefixes. Reading the file gives all the others back exactly.
   */
  readonly lost: readonly string[]
}

/**
 * Writes a table as a trace to a file, to standard output (`-`) or to a stream.
 * @throws RouteSimError `trace_unwritable`, `trace_option_invalid`
 *
 * @example
 * const { lost } = await writeTrace('day.jsonl.gz', table, 'compact_jsonl')
 */
export async function writeTrace(
  target: string | Writable,
  table: RequestTable,
  format: string,
  options: WriteTraceOptions = {},
): Promise<TraceWriteResult> {
  const { lines, lost } = encode(table, format, options)
  const name = typeof target !== 'string' || target === '-' ? '<stdout>' : target
  const keepOpen = target === '-'
  const out =
    typeof target !== 'string' ? target : keepOpen ? process.stdout : createWriteStream(target)
  const text = Readable.from(chunks(lines))
  try {
    if (options.gzip ?? name.endsWith('.gz')) {
      await pipeline(text, createGzip({ level: 9 }), out, { end: !keepOpen })
    } else await pipeline(text, out, { end: !keepOpen })
  } catch (error) {
    throw traceError('trace_unwritable', `${name}: ${(error as Error).message}`, {
      path: name,
      cause: error,
    })
  }
  return { requests: table.size, lost }
}

/**
 * A table as the text of a trace.
 * @throws RouteSimError `trace_option_invalid`
 */
export function formatTrace(
  table: RequestTable,
  format: string,
  options: WriteTraceOptions = {},
): string {
  return [...chunks(encode(table, format, options).lines)].join('')
}

function encode(table: RequestTable, format: string, options: WriteTraceOptions): EncodedTrace {
  const blockTokens = checkBlockTokens(options.blockTokens)
  const to = parseTraceFormat(format)
  if (to === 'compact_jsonl') return encodeCompact(table, options.prefixHashes)
  if (to === 'mooncake') return encodeMooncake(table, options.prefixHashes, blockTokens)
  return encodeOtel(table, options.prefixHashes, options.otelLayout ?? 'lines')
}

function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const line of lines) {
    chunk += `${line}\n`
    if (chunk.length < 1 << 16) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
