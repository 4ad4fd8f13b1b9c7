import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { PassThrough } from 'node:stream'
import type { RouteSimError } from '@routesim/core'
import { type TraceErrorCode, traceError } from '../errors/trace-error.js'
import type { PublicTrace } from './public-traces.js'
import { pulledPath } from './trace-store.js'

/** How a trace is pulled. */
export interface PullOptions {
  /** Another place with the same file, such as a mirror. */
  readonly url?: string | undefined
  /** Directory it is kept in; `traceStore()` by default. */
  readonly store?: string | undefined
  /** Stops the download; what has come is kept, and the next one goes on from there. */
  readonly signal?: AbortSignal | undefined
  /** Time without a byte after which it gives up, in ms; 30,000 by default. */
  readonly stallMs?: number | undefined
  /** Called as bytes arrive; the total is `undefined` when nobody says it. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void
}

/** A trace in the store. */
export interface PulledTrace {
  readonly path: string
  /** False when it was there before. */
  readonly isNew: boolean
  /** SHA-256 of what came, where none is published that it could be checked against. */
  readonly uncheckedSha256?: string
}

/**
 * Downloads a public trace to the store, from where it was left the last time, and checks its size and
 * SHA-256; where these are not published, that it is whole and how it begins. A file with the wrong content
 * never gets the name of the trace.
 *
 * @throws RouteSimError `pull_failed` when the server can not be reached or says no; `pull_corrupt` when
 * what came is not the trace; `trace_aborted`; `trace_unwritable`
 */
export async function pullTrace(
  trace: PublicTrace,
  options: PullOptions = {},
): Promise<PulledTrace> {
  const path = pulledPath(trace, options.store)
  const there = await sizeOf(path)
  if (there !== undefined && there === (trace.bytes ?? there)) return { path, isNew: false }
  const part = `${path}.part`
  try {
    await mkdir(dirname(path), { recursive: true })
    await download(trace, part, options)
    const sha256 = await check(trace, part, options.url ?? trace.url)
    await rename(part, path)
    return { path, isNew: true, ...(trace.sha256 === undefined && { uncheckedSha256: sha256 }) }
  } catch (error) {
    throw isOwn(error)
      ? error
      : traceError('trace_unwritable', `${part}: ${(error as Error).message}`, { path: part })
  }
}

async function download(trace: PublicTrace, part: string, options: PullOptions): Promise<void> {
  const { url = trace.url, signal, stallMs = 30_000, onProgress } = options
  const before = (await sizeOf(part)) ?? 0
  if (trace.bytes !== undefined && before >= trace.bytes) return
  const stall = new AbortController()
  const patience = setTimeout(() => stall.abort(), stallMs)
  const end = AbortSignal.any([stall.signal, ...(signal ? [signal] : [])])
  let have = before
  let total = trace.bytes
  try {
    const response = await answerOf(url, before, end)
    // All of it came the last time, but for its name.
    if (response === undefined) return
    // A server that does not resume sends all of it.
    const isResumed = response.statusCode === 206
    const body = allThatComes(response)
    const file = await open(part, isResumed ? 'a' : 'w')
    if (!isResumed) have = 0
    const length = Number(response.headers['content-length'] ?? Number.NaN)
    if (!Number.isNaN(length)) total ??= have + length
    try {
      for await (const bytes of body) {
        patience.refresh()
        await file.write(bytes)
        have += bytes.length
        onProgress?.(Math.min(have, total ?? have), total)
        if (total !== undefined && have > total) break
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isOwn(error) || isOfFile(error)) throw error
    if (signal?.aborted) throw stopped(url, have, total)
    const why = stall.signal.aborted ? `nothing came for ${stallMs} ms` : (error as Error).message
    throw failed(url, why)
  } finally {
    clearTimeout(patience)
  }
  if (total !== undefined && have < total)
    throw failed(url, `it ended after ${have} of ${total} bytes`)
}

/** The bytes of an answer; an error comes after those that came before it, which Node from 22 on would drop. */
function allThatComes(response: IncomingMessage): AsyncIterable<Buffer> {
  const body = new PassThrough()
  let error: Error | undefined
  response.on('error', (cause) => {
    error = cause
    body.end()
  })
  response.pipe(body)
  return (async function* () {
    try {
      yield* body as AsyncIterable<Buffer>
      if (error !== undefined) throw error
    } finally {
      response.destroy()
    }
  })()
}

const MOST_REDIRECTS = 5

/** What a server answers, from an offset on if it can; `undefined` when nothing is left from there on. */
async function answerOf(
  url: string,
  from: number,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw failed(url, 'expected an http or https URL')
  let at = new URL(url)
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await get(at, from, signal)
    const { statusCode = 0, statusMessage, headers } = response
    if (statusCode === 200 || statusCode === 206) return response
    response.resume()
    if (statusCode === 416 && from > 0 && headers['content-range'] === `bytes */${from}`) return
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
      throw failed(url, `the server answered ${statusCode} ${statusMessage}`)
    }
    at = new URL(headers.location, at)
  }
  throw failed(url, `it leads on more than ${MOST_REDIRECTS} times`)
}

/**
 * Not fetch(): of a connection that a server closes early it may end the process. Node's modules are loaded here,
 * as they take a while and readers of traces are many.
 */
async function get(url: URL, from: number, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = { 'user-agent': 'routesim', ...(from > 0 && { range: `bytes=${from}-` }) }
  const { request } = await (url.protocol === 'http:' ? import('node:http') : import('node:https'))
  return new Promise((resolve, reject) => {
    request(url, { headers, signal }, resolve).on('error', reject).end()
  })
}

/** Deletes what is not the trace, so that the next pull begins anew. @returns its SHA-256 */
async function check(
  { name, bytes, sha256, begins = '' }: PublicTrace,
  part: string,
  url: string,
): Promise<string> {
  const hash = createHash('sha256')
  let start = ''
  for await (const chunk of createReadStream(part) as AsyncIterable<Buffer>) {
    if (start === '') start = chunk.toString('utf8', 0, begins.length + 3).replace(/^\ufeff/, '')
    hash.update(chunk)
  }
  const found = hash.digest('hex')
  if (found === (sha256 ?? found) && start.startsWith(begins)) return found
  const size = await sizeOf(part)
  await rm(part)
  const what =
    sha256 === undefined
      ? `a file that begins with ${JSON.stringify(begins)}, got ${JSON.stringify(start)}`
      : `${bytes} bytes with SHA-256 ${sha256}, got ${size} with ${found}`
  throw traceError('pull_corrupt', `${name}: expected ${what} from ${url}`, {
    hint: 'Pull it again; if it stays so, what the server has is another file.',
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}

function isOwn(error: unknown): error is RouteSimError<TraceErrorCode> {
  return error instanceof Error && error.name === 'RouteSimError'
}

function isOfFile(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException
  return syscall === 'open' || syscall === 'write'
}

function failed(url: string, why: string): RouteSimError<TraceErrorCode> {
  return traceError('pull_failed', `${url}: ${why}`, {
    hint: 'Pull it again to go on from here; offline, fetch the file elsewhere and give its path, or --url of a mirror.',
  })
}

function stopped(
  url: string,
  have: number,
  total: number | undefined,
): RouteSimError<TraceErrorCode> {
  const of = total === undefined ? '' : ` of ${total}`
  return traceError('trace_aborted', `${url}: stopped after ${have}${of} bytes`, {
    hint: 'Pull it again to go on from here.',
  })
}
