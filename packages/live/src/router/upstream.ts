import type { ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

/** Times that an exchange with a worker may take, in ms. */
export interface UpstreamTimeouts {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly idleMs: number
  /** How long the client may take nothing of what has come. */
  readonly stallMs: number
}

/** How an exchange with a worker ended. */
export type ExchangeEnd =
  /** The worker's response went to the client, whole. */
  | {
      readonly kind: 'sent'
      readonly status: number
      readonly tail: Buffer
      readonly events: number
    }
  /** Nothing of it went to the client. */
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly status?: number }
  /** It broke after some of it went to the client. */
  | { readonly kind: 'broken'; readonly reason: FailureReason }
  /** The client went away. */
  | { readonly kind: 'cancelled' }

/** Why an exchange failed. */
export type FailureReason = 'connect' | 'timeout' | 'reset' | 'status' | 'deadline'

/** Statuses of a worker that another may do better with. */
const RETRYABLE = new Set([500, 502, 503, 504])

/** Headers that belong to one connection, or that are written anew. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Bytes at the end of a response that are kept to find its token counts in. */
const TAIL_BYTES = 2048

/** Connections to one worker. */
export class Upstream {
  private readonly pool: Pool
  private readonly stallMs: number

  constructor(url: string, { connectMs, firstByteMs, idleMs, stallMs }: UpstreamTimeouts) {
    this.stallMs = stallMs
    this.pool = new Pool(new URL(url).origin, {
      // As many as there are requests: a stream occupies one for its whole life.
      connections: null,
      pipelining: 1,
      connect: { timeout: connectMs },
      headersTimeout: firstByteMs,
      bodyTimeout: idleMs,
      keepAliveTimeout: 30_000,
    })
  }

  close(): void {
    this.pool.destroy().catch(() => {})
  }

  /**
   * Sends a request and passes the response on as it comes, no faster than the client takes it. Until the
   * first byte of a good response has come, the client sees nothing, and another worker may be tried.
   *
   * @param onFirst - called before the first byte goes to the client
   */
  forward(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    client: ServerResponse,
    deadline: AbortSignal,
    extraHeaders: Readonly<Record<string, string>>,
    onFirst: () => void,
  ): Promise<ExchangeEnd> {
    return new Promise((resolve) => {
      const exchange = new Exchange(client, deadline, this.stallMs, extraHeaders, onFirst, resolve)
      try {
        this.pool.dispatch({ path, method: 'POST', headers, body }, exchange)
      } catch {
        exchange.fail('connect')
      }
    })
  }

  /** Sends a request and reads the whole response. @throws when there is none */
  async ask(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer,
  ): Promise<{ status: number; text: string }> {
    const options = { method, path, headers, signal, ...(body === undefined ? {} : { body }) }
    const { statusCode, body: answer } = await this.pool.request(options)
    return { status: statusCode, text: await answer.text() }
  }
}

/** One request to a worker and its response, on their way to a client. */
class Exchange implements Dispatcher.DispatchHandler {
  private readonly client: ServerResponse
  private readonly deadline: AbortSignal
  private readonly stallMs: number
  private stall: NodeJS.Timeout | undefined
  private readonly extraHeaders: Readonly<Record<string, string>>
  private readonly onFirst: () => void
  private readonly resolve: (end: ExchangeEnd) => void
  private controller: Dispatcher.DispatchController | undefined
  private status = 0
  private headers: Record<string, string | string[]> = {}
  private isPassing = false
  private isOver = false
  private tail: Buffer = Buffer.alloc(0)
  private events = 0

  constructor(
    client: ServerResponse,
    deadline: AbortSignal,
    stallMs: number,
    extraHeaders: Readonly<Record<string, string>>,
    onFirst: () => void,
    resolve: (end: ExchangeEnd) => void,
  ) {
    this.client = client
    this.deadline = deadline
    this.stallMs = stallMs
    this.extraHeaders = extraHeaders
    this.onFirst = onFirst
    this.resolve = resolve
    client.on('close', this.onClientClosed)
    client.on('drain', this.onDrain)
    deadline.addEventListener('abort', this.onDeadline)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.isOver) controller.abort(new Error('too late'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
  ): void {
    if (this.isOver) return
    this.status = status
    this.headers = headers
    if (!RETRYABLE.has(status)) return
    this.fail('status')
    controller.abort(new Error('not needed'))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isOver) return
    if (!this.isPassing) this.begin()
    this.events += countEvents(chunk)
    this.tail = lastBytes(this.tail, chunk)
    if (this.client.write(chunk)) return
    controller.pause()
    this.stall = setTimeout(this.onStall, this.stallMs)
  }

  onResponseEnd(): void {
    if (this.isOver) return
    if (!this.isPassing) this.begin()
    this.client.end()
    this.end({ kind: 'sent', status: this.status, tail: this.tail, events: this.events })
  }

  onResponseError(_: unknown, error: Error): void {
    this.fail(reasonOf(error))
  }

  /** The worker did not answer, or not to the end. */
  fail(reason: FailureReason): void {
    if (this.isOver) return
    if (!this.isPassing) {
      const status = this.status === 0 ? {} : { status: this.status }
      this.end({ kind: 'failed', reason, ...status })
      return
    }
    this.end({ kind: 'broken', reason })
    // The client must not take what it has for the whole.
    this.client.destroy()
  }

  private begin(): void {
    this.isPassing = true
    this.onFirst()
    for (const [name, value] of Object.entries(this.headers)) {
      if (!HOP_BY_HOP.has(name)) this.client.setHeader(name, value)
    }
    for (const [name, value] of Object.entries(this.extraHeaders))
      this.client.setHeader(name, value)
    this.client.writeHead(this.status)
  }

  private end(end: ExchangeEnd): void {
    this.isOver = true
    clearTimeout(this.stall)
    this.client.off('close', this.onClientClosed)
    this.client.off('drain', this.onDrain)
    this.deadline.removeEventListener('abort', this.onDeadline)
    this.resolve(end)
  }

  private readonly onDrain = (): void => {
    clearTimeout(this.stall)
    this.controller?.resume()
  }

  private readonly onClientClosed = (): void => {
    if (this.isOver) return
    this.end({ kind: 'cancelled' })
    this.controller?.abort(new Error('the client went away'))
  }

  /** A client that takes nothing would hold a connection and a place in a batch for as long as it likes. */
  private readonly onStall = (): void => {
    this.client.destroy()
    this.onClientClosed()
  }

  private readonly onDeadline = (): void => {
    if (this.isOver) return
    this.fail('deadline')
    this.controller?.abort(new Error('the request took too long'))
  }
}

function reasonOf(error: Error): FailureReason {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout'
  if (code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ENOTFOUND')
    return 'connect'
  return 'reset'
}

function countEvents(chunk: Buffer): number {
  let count = 0
  for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) count++
  return count
}

/** The end of two pieces; a copy only when the last is short. */
function lastBytes(before: Buffer, chunk: Buffer): Buffer {
  if (chunk.length >= TAIL_BYTES) return chunk.subarray(chunk.length - TAIL_BYTES)
  const keep = before.subarray(Math.max(0, before.length + chunk.length - TAIL_BYTES))
  return keep.length === 0 ? chunk : Buffer.concat([keep, chunk])
}
