import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { urlToHttpOptions } from 'node:url'

/** Times that a request may take, in ms. */
export interface HttpClientTimeouts {
  readonly connectMs: number
  /** From the request to the headers of its response. */
  readonly firstByteMs: number
  /** Between two parts of the response, while it is not paused. */
  readonly idleMs: number
}

/** What is asked for. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  /** Whether its first byte comes with its last one, so that the time to the first is not limited. */
  readonly isWhole?: boolean
}

/** Why there is no response, or not all of it. */
export type HttpFailure = 'connect' | 'timeout' | 'reset'

/**
 * Hears of a response as it comes; after its end or error, and once it is aborted, of nothing more. What it
 * throws breaks the exchange off and comes back as an error.
 */
export interface ResponseHandler {
  onStart(response: IncomingMessage): void
  onData(chunk: Buffer): void
  onEnd(): void
  onError(failure: HttpFailure, error: Error): void
}

/**
 * How long a connection is kept that nobody uses, unless the server says less: shorter than the 5 s after which
 * uvicorn, under vLLM and SGLang, closes it without having said so.
 */
const KEEP_ALIVE_MS = 4000

/**
 * Connections to one server: as many as there are requests, as a stream occupies one for its whole life. A request
 * that meets the end of a connection that was kept, before a byte of its answer has come, is sent once more, over a
 * new one: servers close those that are idle, and have not seen it.
 */
export class HttpClient {
  private readonly agent: Agent
  private readonly target: object
  private readonly host: string
  private readonly isTls: boolean
  private readonly timeouts: HttpClientTimeouts
  private isClosed = false

  /** @param url - of the server; its path is not used */
  constructor(url: string, timeouts: HttpClientTimeouts) {
    const { origin, protocol, host } = new URL(url)
    const options = {
      keepAlive: true,
      maxFreeSockets: Number.POSITIVE_INFINITY,
      timeout: KEEP_ALIVE_MS,
    }
    this.isTls = protocol === 'https:'
    this.agent = this.isTls ? new TlsAgent(options) : new Agent(options)
    const { hostname, port } = urlToHttpOptions(new URL(origin))
    this.host = host
    this.target = { agent: this.agent, hostname, port }
    this.timeouts = timeouts
  }

  /** Breaks off what is under way, and takes no more. */
  close(): void {
    this.isClosed = true
    this.agent.destroy()
  }

  /**
   * Sends a request. The handler is never called before this returns.
   * @throws when the client is closed, or a header can not be sent
   */
  send(asked: HttpRequest, handler: ResponseHandler): HttpExchange {
    if (this.isClosed) throw new Error('the client is closed')
    const { method, path, body, isWhole = false } = asked
    // A flat list is written as it is, which is quicker than headers that may still change.
    const headers = ['host', this.host]
    for (const name in asked.headers) headers.push(name, asked.headers[name]!)
    if (body !== undefined) headers.push('content-length', String(Buffer.byteLength(body)))
    const options = { ...this.target, method, path, headers }
    const open = (): ClientRequest =>
      (this.isTls ? tlsRequest(options) : request(options)).end(body)
    const openAnew = (): ClientRequest | undefined => {
      if (this.isClosed) return undefined
      this.letGoOfIdle()
      return open()
    }
    return new HttpExchange(open(), openAnew, handler, this.timeouts, this.isTls, isWhole)
  }

  /**
   * Sends a request and reads the whole response.
   * @param onData - hears of its parts as they come
   * @returns its status
   * @throws the reason of the signal when it is aborted, or what was wrong with the connection
   */
  read(
    asked: HttpRequest,
    signal: AbortSignal,
    onData: (chunk: Buffer, response: IncomingMessage) => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      let answer: IncomingMessage
      const over = (): void => signal.removeEventListener('abort', onAbort)
      const exchange = this.send(asked, {
        onStart: (response) => {
          answer = response
        },
        onData: (chunk) => onData(chunk, answer),
        onEnd: () => {
          over()
          resolve(answer.statusCode!)
        },
        onError: (_, error) => {
          over()
          reject(error)
        },
      })
      const onAbort = (): void => {
        over()
        exchange.abort()
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort)
    })
  }

  /** The last that was used is taken first: when that was closed, the others are as old. */
  private letGoOfIdle(): void {
    for (const sockets of Object.values(this.agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy()
  }
}

/** A request that was sent, and its response. */
export class HttpExchange {
  private outgoing: ClientRequest
  private readonly openAnew: () => ClientRequest | undefined
  private readonly handler: ResponseHandler
  private readonly timeouts: HttpClientTimeouts
  private readonly isWhole: boolean
  private response: IncomingMessage | undefined
  private silence: NodeJS.Timeout | undefined
  private verdict: NodeJS.Immediate | undefined
  private isConnected = false
  private isOver = false
  private readonly isTls: boolean
  /** Bytes that had come over a connection before it was used for this. */
  private bytesBefore = 0

  /** @param openAnew - sends the request again, over a new connection, unless there are to be none */
  constructor(
    outgoing: ClientRequest,
    openAnew: () => ClientRequest | undefined,
    handler: ResponseHandler,
    timeouts: HttpClientTimeouts,
    isTls: boolean,
    isWhole: boolean,
  ) {
    this.outgoing = this.follow(outgoing)
    this.openAnew = openAnew
    this.handler = handler
    this.timeouts = timeouts
    this.isTls = isTls
    this.isWhole = isWhole
  }

  /** Reads no more for now; neither does time count against the server. */
  pause(): void {
    this.stopClock()
    this.response?.pause()
  }

  /** Reads on. */
  resume(): void {
    if (this.isOver || this.response === undefined) return
    this.expect(this.timeouts.idleMs)
    this.response.resume()
  }

  /** Lets go of it; the connection is closed, as there is no other way to say so. */
  abort(): void {
    this.over()
    this.outgoing.destroy()
  }

  private follow(outgoing: ClientRequest): ClientRequest {
    outgoing.on('socket', (socket) => this.onSocket(socket))
    outgoing.on('response', (response) => this.onResponse(response))
    // There is no response, or a later error of a connection that is no longer wanted.
    outgoing.on('error', (error) => this.onError(outgoing, error))
    return outgoing
  }

  private onError(outgoing: ClientRequest, error: Error): void {
    if (this.isOver || outgoing !== this.outgoing) return
    const { reusedSocket, socket } = outgoing
    const isStale = reusedSocket && socket?.bytesRead === this.bytesBefore
    const again = isStale ? this.openAnew() : undefined
    if (again === undefined) {
      this.fail(this.isConnected ? 'reset' : 'connect', error)
      return
    }
    this.stopClock()
    this.isConnected = false
    this.outgoing = this.follow(again)
  }

  private onSocket(socket: Socket): void {
    if (this.isOver) return
    this.bytesBefore = socket.bytesRead
    if (!socket.connecting) {
      this.connected()
      return
    }
    this.expect(this.timeouts.connectMs)
    socket.once(this.isTls ? 'secureConnect' : 'connect', () => this.connected())
  }

  private connected(): void {
    this.isConnected = true
    if (this.isOver || this.response !== undefined) return
    if (this.isWhole) this.stopClock()
    else this.expect(this.timeouts.firstByteMs)
  }

  private onResponse(response: IncomingMessage): void {
    this.response = response
    // Without a listener, its error would end the process.
    response.on('error', (error) => this.fail('reset', error))
    if (this.isOver) return
    if (!this.isWhole) this.expect(this.timeouts.idleMs)
    this.tell(() => this.handler.onStart(response))
    response.on('data', (chunk: Buffer) => {
      if (this.isOver) return
      clearImmediate(this.verdict)
      if (this.silence === undefined) this.expect(this.timeouts.idleMs)
      else this.silence.refresh()
      this.tell(() => this.handler.onData(chunk))
    })
    response.on('end', () => {
      if (this.isOver) return
      this.stopClock()
      this.tell(() => this.handler.onEnd())
      this.isOver = true
    })
  }

  /** What a handler can not take of a response must not end the process. */
  private tell(what: () => void): void {
    try {
      what()
    } catch (error) {
      this.fail('reset', error as Error)
      this.outgoing.destroy()
    }
  }

  /** Starts the time anew in which something has to come. */
  private expect(withinMs: number): void {
    this.stopClock()
    this.silence = setTimeout(this.onSilence, withinMs)
  }

  private stopClock(): void {
    clearTimeout(this.silence)
    this.silence = undefined
    clearImmediate(this.verdict)
  }

  /** What came while this process was busy with other things is heard before the verdict. */
  private readonly onSilence = (): void => {
    this.verdict = setImmediate(this.onStillSilent)
  }

  private readonly onStillSilent = (): void => {
    const error = Object.assign(new Error('nothing came in time'), { code: 'ETIMEDOUT' })
    this.fail(this.isConnected ? 'timeout' : 'connect', error)
    this.outgoing.destroy()
  }

  private fail(failure: HttpFailure, error: Error): void {
    if (this.isOver) return
    this.over()
    this.handler.onError(failure, error)
  }

  private over(): void {
    this.isOver = true
    this.stopClock()
  }
}
