import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import {
  HttpClient,
  type HttpClientTimeouts,
  type HttpExchange,
  type HttpFailure,
  type ResponseHandler,
} from '../http/http-client.js'
import {
  type AnswerUsage,
  StreamUsage,
  UNTOLD,
  type UsageReader,
  usageReaderFor,
} from './answer-usage.js'
import { FirstEvent, type Opening } from './first-event.js'

/** Times that an exchange with a worker may take, in ms. */
export interface UpstreamTimeouts extends HttpClientTimeouts {
  /** How long the client may take nothing of what has come. */
  readonly stallMs: number
}

/** Who follows a response on its way to the client. */
export interface ResponseListener {
  /** Before the first byte of a good one goes to the client. */
  begun(): void
  /** A part of it has come. @param tokens - of a stream, so far */
  came(tokens: number): void
}

/** How an exchange with a worker ended. */
export type ExchangeEnd =
  /** The worker's response went to the client, whole; a stream that ends with an error has its status. */
  | {
      readonly kind: 'sent'
      readonly status: number
      readonly usage: AnswerUsage
    }
  /** Nothing of it went to the client; a worker that is full may have said when to come again. */
  | {
      readonly kind: 'failed'
      readonly reason: FailureReason
      readonly status?: number
      readonly refusal?: Refusal
    }
  /** It broke after some of it went to the client. */
  | { readonly kind: 'broken'; readonly reason: FailureReason }
  /** The client went away. */
  | { readonly kind: 'cancelled' }

/** Why an exchange failed. */
export type FailureReason =
  | HttpFailure
  | 'status'
  | 'full'
  | 'error_event'
  | 'no_events'
  | 'deadline'

/** What a worker said that takes no more requests for now, or that failed. */
export interface Refusal {
  readonly status: number
  /** Of its response, names and values in turn, without the length. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The status of a worker that is full: another may have room. */
export const FULL = 429

/** Whether a status is a fault of the worker; what it does not implement another does not either. */
export function isWorkerFault(status: number): boolean {
  return status >= 500 && status !== 501
}

/** Bytes of a refusal that are kept for the client, and how long it may take to come. */
const REFUSAL_BYTES = 65_536
const REFUSAL_MS = 1000

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

/** Connections to one worker. */
export class Upstream {
  /** What it asks for, in place of what a client sends. */
  apiKey: string | undefined
  private readonly http: HttpClient
  private readonly timeouts: UpstreamTimeouts

  /** @param timeouts - read anew for each exchange */
  constructor(url: string, timeouts: UpstreamTimeouts, apiKey?: string) {
    this.apiKey = apiKey
    this.timeouts = timeouts
    this.http = new HttpClient(url, timeouts)
  }

  close(): void {
    this.http.close()
  }

  /**
   * Sends a request and passes the response on as it comes, no faster than the client takes it. Until the
   * first byte of a good response has come, the client sees nothing, and another worker may be tried. Of a
   * stream that is the first event, which may be an error of the worker.
   */
  forward(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    isStreamed: boolean,
    client: ServerResponse,
    deadline: AbortSignal,
    extraHeaders: Readonly<Record<string, string>>,
    listener: ResponseListener,
  ): Promise<ExchangeEnd> {
    return new Promise((resolve) => {
      const exchange = new Exchange(
        isStreamed,
        client,
        deadline,
        this.timeouts.stallMs,
        extraHeaders,
        listener,
        resolve,
      )
      try {
        const asked = { path, method: 'POST', body, isWhole: !isStreamed } as const
        exchange.sent = this.http.send({ ...asked, headers: this.authorized(headers) }, exchange)
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
  ): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
    const chunks: Buffer[] = []
    let retryAfter: string | undefined
    const asked = {
      ...{ method, path, headers: this.authorized(headers) },
      ...(body === undefined ? {} : { body }),
    }
    const status = await this.http.read(asked, signal, (chunk, response) => {
      retryAfter = response.headers['retry-after']
      chunks.push(chunk)
    })
    return { status, text: Buffer.concat(chunks).toString('utf8'), retryAfter }
  }

  private authorized(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { apiKey } = this
    return apiKey === undefined ? headers : { ...headers, authorization: `Bearer ${apiKey}` }
  }
}

/** One request to a worker and its response, on their way to a client. */
class Exchange implements ResponseHandler {
  /** Set as soon as it is sent. */
  sent: HttpExchange | undefined
  private readonly isStreamed: boolean
  private readonly client: ServerResponse
  private readonly deadline: AbortSignal
  private readonly stallMs: number
  private stall: NodeJS.Timeout | undefined
  private readonly extraHeaders: Readonly<Record<string, string>>
  private readonly listener: ResponseListener
  private readonly resolve: (end: ExchangeEnd) => void
  private status = 0
  private headers: readonly string[] = []
  private isPassing = false
  /** Parts of what a worker said that is full. */
  private readonly refusal: Buffer[] = []
  private refusalBytes = 0
  private isOver = false
  private reader: UsageReader | undefined
  /** Until the first event of a stream is known. */
  private first: FirstEvent | undefined
  private held: Buffer[] = []
  /** Status of an error that a stream begins with. */
  private firstError: number | undefined

  constructor(
    isStreamed: boolean,
    client: ServerResponse,
    deadline: AbortSignal,
    stallMs: number,
    extraHeaders: Readonly<Record<string, string>>,
    listener: ResponseListener,
    resolve: (end: ExchangeEnd) => void,
  ) {
    this.isStreamed = isStreamed
    this.client = client
    this.deadline = deadline
    this.stallMs = stallMs
    this.extraHeaders = extraHeaders
    this.listener = listener
    this.resolve = resolve
    client.on('close', this.onClientClosed)
    client.on('drain', this.onDrain)
    deadline.addEventListener('abort', this.onDeadline)
  }

  onStart({ statusCode, rawHeaders, headers }: IncomingMessage): void {
    this.status = statusCode!
    this.headers = rawHeaders
    this.reader = usageReaderFor(this.isStreamed, headers)
    if (this.isStreamed && this.status === 200 && isReadableStream(headers))
      this.first = new FirstEvent()
    // What is wrong with it goes to the client when no other worker does better.
    if (isWorkerFault(this.status)) this.stall = setTimeout(this.onLateRefusal, REFUSAL_MS)
  }

  onData(chunk: Buffer): void {
    if (isRefusal(this.status)) {
      this.refusalBytes += chunk.length
      if (this.refusalBytes <= REFUSAL_BYTES) this.refusal.push(chunk)
      return
    }
    if (this.first === undefined) {
      if (!this.isPassing) this.begin()
      this.pass(chunk)
      return
    }
    this.held.push(chunk)
    const opening = this.first.take(chunk)
    if (opening !== 'none') this.opens(opening)
  }

  onEnd(): void {
    if (isRefusal(this.status)) {
      const headers = passedOn(this.headers, { 'content-length': '' })
      this.refused(this.status, headers, Buffer.concat(this.refusal), 'status')
      return
    }
    if (this.first !== undefined) this.opens(this.first.end())
    if (this.isOver) return
    if (!this.isPassing) this.begin()
    this.client.end()
    if (this.client.writableLength > 0) letGoOf(this.client, this.stallMs)
    const { reader, status } = this
    const lastError = reader instanceof StreamUsage ? errorToldIn(reader.tail) : undefined
    const error = this.firstError ?? lastError
    if (isFault(error)) this.end({ kind: 'broken', reason: 'error_event' })
    else this.end({ kind: 'sent', status: error ?? status, usage: reader?.usage ?? UNTOLD })
  }

  /** The first event of a stream is known: what came so far goes on, unless another worker may do better. */
  private opens(opening: Opening): void {
    this.first = undefined
    if (opening === 'none') {
      this.fail('no_events')
      return
    }
    if (opening !== 'answer') {
      const { errorStatus, json } = opening
      this.firstError = errorStatus
      if (errorStatus === FULL || isFault(errorStatus)) {
        const headers = ['content-type', 'application/json']
        this.refused(errorStatus, headers, Buffer.from(json), 'error_event')
        this.sent?.abort()
        return
      }
    }
    this.begin()
    this.pass(this.held.length === 1 ? this.held[0]! : Buffer.concat(this.held))
    this.held = []
  }

  /** The worker takes no more for now, or says what is wrong with it. */
  private refused(
    status: number,
    headers: readonly string[],
    body: Buffer,
    fault: FailureReason,
  ): void {
    const reason = status === FULL ? 'full' : fault
    this.end({ kind: 'failed', reason, status, refusal: { status, headers, body } })
  }

  private pass(chunk: Buffer): void {
    if (this.reader !== undefined) {
      this.reader.take(chunk)
      this.listener.came(this.reader.tokens)
    }
    if (this.client.write(chunk)) return
    this.sent?.pause()
    this.stall = setTimeout(this.onStall, this.stallMs)
  }

  onError(failure: HttpFailure): void {
    this.fail(isWorkerFault(this.status) ? 'status' : failure)
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
    if (this.status < 400) this.listener.begun()
    const headers = passedOn(this.headers, this.extraHeaders)
    for (const name in this.extraHeaders) headers.push(name, this.extraHeaders[name]!)
    this.client.writeHead(this.status, headers)
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
    this.sent?.resume()
  }

  private readonly onClientClosed = (): void => {
    if (this.isOver) return
    this.end({ kind: 'cancelled' })
    this.sent?.abort()
  }

  /** A client that takes nothing would hold a connection and a place in a batch for as long as it likes. */
  private readonly onStall = (): void => {
    this.client.destroy()
    this.onClientClosed()
  }

  private readonly onLateRefusal = (): void => {
    this.fail('status')
    this.sent?.abort()
  }

  private readonly onDeadline = (): void => {
    if (this.isOver) return
    this.fail('deadline')
    this.sent?.abort()
  }
}

/** Whether a response is not the client's while there are other workers. */
function isRefusal(status: number): boolean {
  return status === FULL || isWorkerFault(status)
}

/** Whether a response is a stream of events, and not packed. */
function isReadableStream(headers: IncomingHttpHeaders): boolean {
  const isStream = /^text\/event-stream\b/i.test(headers['content-type'] ?? '')
  return isStream && headers['content-encoding'] === undefined
}

/** Headers that go on to a client, but those that are written anew. */
function passedOn(
  raw: readonly string[],
  written: Readonly<Record<string, string>> = {},
): string[] {
  const headers: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    // Which pages may read an answer is the router's to say.
    if (name.startsWith('access-control-')) continue
    if (!HOP_BY_HOP.has(name) && !(name in written)) headers.push(name, raw[i + 1]!)
  }
  return headers
}

/** An error in a stream: what an answer says never begins a line like that. */
const ERROR_EVENT = /^data: *\{ *"error" *:.*/m

/** The status of an error that the end of a stream tells. */
function errorToldIn(tail: Buffer): number | undefined {
  const told = ERROR_EVENT.exec(tail.toString('latin1'))?.[0]
  return told === undefined ? undefined : Number(/"code" *: *"?(\d{3})\b/.exec(told)?.[1] ?? 500)
}

/** Whether an error is the worker's, and another may do better. */
function isFault(error: number | undefined): error is number {
  return error !== undefined && error >= 500
}

/** Closes the connection of a client that does not take the rest of an answer that is on its way. */
function letGoOf(client: ServerResponse, withinMs: number): void {
  const timer = setTimeout(() => client.destroy(), withinMs)
  const taken = (): void => clearTimeout(timer)
  client.once('finish', taken)
  client.once('close', taken)
}
