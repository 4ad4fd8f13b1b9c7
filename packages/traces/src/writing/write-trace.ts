import { createWriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { Readable, type Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type RequestTable, whyUnwritable } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { parquetOfLines } from '../formats/parquet.js'
import { parseTraceFormat } from '../formats/trace-format.js'
import { type EncodeOptions, encodeTrace } from './encode-trace.js'
import { zstdPacker } from './zstd-packer.js'

/** Options of {@link writeTrace}. */
export interface WriteTraceOptions extends EncodeOptions {
  /** Packs with gzip; default: when the path ends in `.gz`. */
  readonly gzip?: boolean | undefined
}

/** What was written, and what was not. */
export interface TraceWriteResult {
  readonly requests: number
  /**
   * Columns of the table that the format can not hold, or not exactly; `prompts` is what prompts
   * share, `prefix_hash` the names of prefixes, `arrivalStart` the time of the first request (the others
   * count from it), `arrivalDigits` less than 1 µs of times. Reading the file gives all the others back exactly.
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
  const { lines, lost } = encodeTrace(table, format, options)
  const name = typeof target !== 'string' || target === '-' ? '<stdout>' : target
  const keepOpen = target === '-'
  const packer = await packerOf(name, options.gzip)
  const out =
    typeof target !== 'string' ? target : keepOpen ? process.stdout : createWriteStream(target)
  const isParquet = parseTraceFormat(format) === 'parquet'
  const text = Readable.from(isParquet ? [await parquetOfLines(lines)] : chunks(lines))
  try {
    if (packer !== undefined) await pipeline(text, packer, out, { end: !keepOpen })
    else await pipeline(text, out, { end: !keepOpen })
  } catch (error) {
    const why = whyUnwritable(dirname(name), error)
    throw traceError('trace_unwritable', `${name}: can not be written: ${why}`, {
      path: name,
      cause: error,
    })
  }
  return { requests: table.size, lost }
}

/** What packs a file of that name. */
async function packerOf(name: string, gzip: boolean | undefined): Promise<Transform | undefined> {
  if (gzip ?? name.endsWith('.gz')) return createGzip({ level: 9 })
  return gzip !== false && name.endsWith('.zst') ? zstdPacker() : undefined
}

/**
 * A table as the text of a trace; Parquet is none.
 * @throws RouteSimError `trace_option_invalid`
 */
export function formatTrace(
  table: RequestTable,
  format: string,
  options: WriteTraceOptions = {},
): string {
  if (parseTraceFormat(format) === 'parquet') {
    throw traceError('trace_option_invalid', 'format: expected a format of lines, got "parquet"', {
      path: 'format',
      hint: 'writeTrace writes it to a file.',
    })
  }
  return [...chunks(encodeTrace(table, format, options).lines)].join('')
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
