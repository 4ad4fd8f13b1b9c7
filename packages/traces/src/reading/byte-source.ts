import { createReadStream } from 'node:fs'
import { open as openFile, stat } from 'node:fs/promises'
import { addAbortSignal, pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { RouteSimError } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'

/** Where a trace comes from: a file, or a stream with the name that messages give it. */
export interface TraceSource {
  /** A file; `-` is standard input. With `stream`, only its name. */
  readonly path?: string
  readonly stream?: AsyncIterable<Uint8Array | string>
}

/** Called as a trace is read; `totalBytes` is known for files only. */
export type ReadProgress = (bytesRead: number, totalBytes: number | undefined) => void

const CHUNK_BYTES = 1 << 20
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd]

interface Options {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ReadProgress | undefined
  /** Shown every chunk as it comes, before it is unpacked. */
  readonly onRawBytes?: ((bytes: Uint8Array) => void) | undefined
}

/** Whether a source is named by a path, and not standard input. */
export function isFile(source: TraceSource): boolean {
  return source.stream === undefined && source.path !== undefined && source.path !== '-'
}

/** The name of a source in messages. */
export function sourceName(source: TraceSource): string {
  return source.path === undefined || source.path === '-' ? '<stdin>' : source.path
}

/**
 * The bytes of a source, unpacked when they are gzip or zstd, by their first bytes. A chunk is valid
 * until the next one is asked for.
 * @throws RouteSimError `trace_unreadable`, `trace_invalid` (gzip, zstd), `trace_aborted`
 */
export async function* readBytes(
  source: TraceSource,
  options: Options,
): AsyncGenerator<Uint8Array> {
  const name = sourceName(source)
  try {
    const chunks = counted(await open(source, name, options.signal), options)
    try {
      const { head, packing } = await peek(chunks)
      const all = rejoin(head, chunks)
      if (packing === 'gzip') yield* unpack(all)
      else if (packing === 'zstd') yield* unzstd(all, name)
      else yield* all
    } finally {
      // Whoever stops within the first chunk has not come to where the file would be closed.
      await chunks.return(undefined)
    }
  } catch (error) {
    throw translate(error, name, options.signal)
  }
}

/** The bytes of a source as they are, packed or not; see {@link readBytes}. */
export async function* readRawBytes(
  source: TraceSource,
  options: Options,
): AsyncGenerator<Uint8Array> {
  const name = sourceName(source)
  try {
    yield* counted(await open(source, name, options.signal), options)
  } catch (error) {
    throw translate(error, name, options.signal)
  }
}

async function open(
  source: TraceSource,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ bytes: AsyncIterable<Uint8Array | string>; total: number | undefined }> {
  signal?.throwIfAborted()
  if (isFile(source) && source.path !== undefined) {
    const info = await stat(source.path)
    if (info.isDirectory()) {
      throw traceError('trace_unreadable', `${name}: expected a file, got a directory`, {
        path: name,
      })
    }
    if (info.isFile()) return { bytes: chunksOfFile(source.path), total: info.size }
    const bytes = createReadStream(source.path, { highWaterMark: CHUNK_BYTES, signal })
    return { bytes, total: undefined }
  }
  const stream = source.stream ?? process.stdin
  if (signal !== undefined && stream instanceof Readable) addAbortSignal(signal, stream)
  return { bytes: stream, total: undefined }
}

/** One buffer serves all chunks: new ones would cost more than reading does. */
async function* chunksOfFile(path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(path)
  try {
    const buffer = new Uint8Array(CHUNK_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function* counted(
  input: { bytes: AsyncIterable<Uint8Array | string>; total: number | undefined },
  options: Options,
): AsyncGenerator<Uint8Array> {
  let read = 0
  for await (const chunk of input.bytes) {
    options.signal?.throwIfAborted()
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    read += bytes.length
    options.onProgress?.(read, input.total)
    options.onRawBytes?.(bytes)
    yield bytes
  }
}

async function peek(
  chunks: AsyncGenerator<Uint8Array>,
): Promise<{ head: Uint8Array; packing: 'gzip' | 'zstd' | 'none' }> {
  let head: Uint8Array = new Uint8Array(0)
  while (head.length < 4) {
    const next = await chunks.next()
    if (next.done) break
    head =
      head.length === 0 && next.value.length > 3 ? next.value : Buffer.concat([head, next.value])
  }
  if (head[0] === 0x1f && head[1] === 0x8b) return { head, packing: 'gzip' }
  const isZstd = ZSTD_MAGIC.every((byte, i) => head[i] === byte)
  return { head, packing: isZstd ? 'zstd' : 'none' }
}

async function* rejoin(
  head: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head
  yield* rest
}

async function* unpack(packed: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  // A failure destroys the last stream with its error, which the loop over it throws.
  yield* pipeline(Readable.from(copied(packed)), createGunzip({ chunkSize: 1 << 18 }), () => {})
}

async function* unzstd(
  packed: AsyncGenerator<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const unpacked: Uint8Array[] = []
  let isWhole = false
  const { Decompress } = await import('fzstd')
  const decoder = new Decompress((chunk, isLast) => {
    if (chunk.length > 0) unpacked.push(chunk)
    if (isLast === true) isWhole = true
  })
  try {
    for await (const chunk of packed) {
      decoder.push(chunk.slice())
      yield* unpacked.splice(0)
    }
    decoder.push(new Uint8Array(0), true)
  } catch (cause) {
    if (cause instanceof RouteSimError) throw cause
    throw badZstd(name, (cause as Error).message, cause)
  }
  if (!isWhole) throw badZstd(name, 'unexpected end of file')
  yield* unpacked
}

function badZstd(name: string, message: string, cause?: unknown): Error {
  return traceError('trace_invalid', `${name}: expected a whole zstd file, got: ${message}`, {
    path: name,
    cause,
  })
}

/** Chunks that last: streams read ahead. */
async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice()
}

function translate(error: unknown, name: string, signal: AbortSignal | undefined): unknown {
  if (error instanceof RouteSimError) return error
  if (signal?.aborted) {
    return traceError('trace_aborted', `${name}: reading was cancelled`, { cause: error })
  }
  const { code, message } = error as NodeJS.ErrnoException
  const details = { path: name, cause: error }
  if (code?.startsWith('Z_')) {
    return traceError(
      'trace_invalid',
      `${name}: expected a whole gzip file, got: ${message}`,
      details,
    )
  }
  if (code === 'ENOENT') return traceError('trace_unreadable', `${name}: no such file`, details)
  return traceError('trace_unreadable', `${name}: ${message}`, details)
}
