import { isUtf8 } from 'node:buffer'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { AsyncBuffer } from 'hyparquet'
import { traceError } from '../errors/trace-error.js'
import { checkPages, type Unpack } from './parquet-pages.js'

const MAGIC = Uint8Array.from([0x50, 0x41, 0x52, 0x31])

/** Rows turned into objects at a time. */
const ROWS_AT_ONCE = 50_000

/** Whether bytes are the beginning of a Parquet file. */
export function isParquet(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte)
}

/**
 * The rows of a Parquet file as lines of JSON, as formats of lines have them. Null is absent; columns
 * that hold JSON are parsed; integers beyond 2^53 are strings, and so are bytes, those that are no text as 0x and hex.
 * @throws RouteSimError `trace_invalid`
 */
export async function* parquetLines(file: Uint8Array, source: string): AsyncGenerator<string> {
  const buffer: AsyncBuffer = {
    byteLength: file.byteLength,
    slice: async (start, end) => new Uint8Array(file.slice(start, end)).buffer,
  }
  // Loaded here, as hardly any run needs them.
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema, snappyUncompress } =
    await import('hyparquet')
  const { decompress: unzstd } = await import('fzstd')
  const compressors: Record<string, Unpack> = {
    GZIP: (packed, bytes) => gunzipSync(packed, { maxOutputLength: bytes + 1 }),
    BROTLI: (packed, bytes) => brotliDecompressSync(packed, { maxOutputLength: bytes + 1 }),
    ZSTD: (packed, bytes) => unzstd(packed, new Uint8Array(bytes)),
    SNAPPY: (packed, bytes) => {
      const page = new Uint8Array(bytes)
      snappyUncompress(packed, page)
      return page
    },
  }
  try {
    const whole = await parquetMetadataAsync(buffer)
    // Writers that filter leave groups without rows, whose columns may have no page and no place in the file.
    const filled = whole.row_groups.filter(({ num_rows }) => num_rows !== 0n)
    const metadata = { ...whole, row_groups: filled }
    const { children } = parquetSchema(metadata)
    checkPages(file, metadata, children, compressors)
    const count = Number(metadata.num_rows)
    const columns = children.map(({ element }) => element.name)
    for (let from = 0; from < count; from += ROWS_AT_ONCE) {
      const rows = await parquetReadObjects({
        file: buffer,
        metadata,
        columns,
        rowStart: from,
        rowEnd: Math.min(count, from + ROWS_AT_ONCE),
        compressors,
        parsers: { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && textOf(bytes) },
      })
      // More rows than there are would be waited for without end.
      if (rows.length === 0) throw new Error('fewer rows than it says')
      for (const row of rows) yield JSON.stringify(row, asJson)
    }
  } catch (cause) {
    throw unreadable(source, cause as Error, Object.keys(compressors))
  }
}

/** @param cause - what the reader says: of a damaged file also what it stumbles over itself, such as undefined */
function unreadable(source: string, cause: Error, codecs: readonly string[]): Error {
  const [, unsupported] =
    /^parquet (?!.*undefined)(.*(?:unsupported|not supported).*)/.exec(cause.message) ?? []
  if (unsupported === undefined) {
    const problem = 'expected a whole Parquet file, got a damaged one'
    return traceError('trace_invalid', `${source}: ${problem}`, { path: source, cause })
  }
  const isCodec = unsupported.includes('compression codec')
  return traceError(
    'trace_invalid',
    `${source}: expected a Parquet file of a kind that is read, got ${unsupported}`,
    {
      path: source,
      cause,
      ...(isCodec && {
        hint: `Write it with one of ${codecs.join(', ')}, or without compression.`,
      }),
    },
  )
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  // Digests, of which any two are to stay two.
  return isUtf8(buffer) ? buffer.toString() : `0x${buffer.toString('hex')}`
}

function asJson(_: string, value: unknown): unknown {
  if (value === null) return undefined
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  return value instanceof Uint8Array ? textOf(value) : value
}

/** Lines of JSON objects as the rows of a Parquet file; arrays are columns of JSON. */
export async function parquetOfLines(lines: Iterable<string>): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const rows = Array.from(lines, (line) => JSON.parse(line) as Record<string, unknown>)
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  const columnData = [...names].map((name) => {
    const data = rows.map((row) => row[name] ?? null)
    return { name, nullable: true, ...typed(data) }
  })
  return new Uint8Array(parquetWriteBuffer({ columnData: columnData as never }))
}

/** The type of a column, and its values as that type has them. */
function typed(data: readonly unknown[]): { type: string; data: unknown[] } {
  const present = data.filter((value) => value !== null)
  if (present.every((value) => typeof value === 'string'))
    return { type: 'STRING', data: [...data] }
  if (present.every((value) => typeof value === 'number')) {
    const isInt = present.every(
      (value) => Number.isInteger(value) && (value as number) === ((value as number) | 0),
    )
    return { type: isInt ? 'INT32' : 'DOUBLE', data: [...data] }
  }
  return { type: 'JSON', data: [...data] }
}
