import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { RouteSimError } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'
import { ApiError } from '../openai/api-error.js'
import { allowOrigin, answerPreflight, isPreflight } from './cross-origin.js'

/** What a server takes from one client before it refuses. */
export interface HttpLimits {
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number
  /** Bytes of its headers. */
  readonly maxHeaderBytes: number
  /** Time for the headers to arrive, in ms. */
  readonly headersTimeoutMs: number
  /** Time for the whole request to arrive, in ms. */
  readonly requestTimeoutMs: number
  /** Connections open at once. */
  readonly maxConnections: number
}

/** Limits for clients that may be anybody. */
export const HTTP_LIMITS: HttpLimits = {
  maxBodyBytes: 32 * 2 ** 20,
  maxHeaderBytes: 16384,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  maxConnections: 65_536,
}

const OTHER_HOST =
  'Choose an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.'

/** What helps where another port may not. */
const LISTEN_HINTS: Readonly<Record<string, string>> = {
  ENOTFOUND: OTHER_HOST,
  EADDRNOTAVAIL: OTHER_HOST,
  EACCES: 'Choose a port from 1024 on: lower ones are kept for the administrator.',
}

/** Answers a request. What it throws is answered for it: an {@link ApiError} as it says, the rest as 500. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** An HTTP server with exact routes, limits, and a way to stop that loses nothing. */
export class HttpServer {
  private readonly server: Server
  private readonly routes: ReadonlyMap<string, HttpHandler>
  /** Methods of each path, as an `Allow` header has them. */
  private readonly methods: ReadonlyMap<string, string>
  private readonly onFault: (error: unknown) => void
  private readonly origins: () => readonly string[]

  /**
   * @param routes - by method and path, such as `GET /health`
   * @param onFault - hears of what handlers throw by mistake
   * @param origins - of pages that may read its answers at present, `*` for any
   */
  constructor(
    routes: Readonly<Record<string, HttpHandler>>,
    limits: HttpLimits,
    onFault: (error: unknown) => void,
    origins: () => readonly string[] = () => [],
  ) {
    this.origins = origins
    this.routes = new Map(Object.entries(routes))
    this.methods = methodsByPath(Object.keys(routes))
    this.onFault = onFault
    this.server = createServer(
      {
        maxHeaderSize: limits.maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
        keepAliveTimeout: 75_000,
        noDelay: true,
      },
      (request, response) => void this.handle(request, response),
    )
    this.server.maxConnections = limits.maxConnections
    this.server.on('clientError', refuse)
    // A body that is too large is refused before the client begins to send it.
    this.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      void this.handle(request, response, announcedBytes(request) <= limits.maxBodyBytes)
    })
  }

  /** Starts to listen; port 0 takes any. @returns the port @throws RouteSimError `address_in_use` */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code ?? cause.message
        reject(
          new RouteSimError<LiveErrorCode>(`can not listen on ${host}:${port}: ${why}`, {
            code: 'address_in_use',
            hint: LISTEN_HINTS[why] ?? 'Choose another port, or 0 for any that is free.',
            cause,
          }),
        )
      })
      // The longest queue the system allows: bursts of thousands of clients are usual here.
      this.server.listen({ host, port, backlog: 4096 }, () =>
        resolve((this.server.address() as AddressInfo).port),
      )
    })
  }

  /** Connections open now. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.server.getConnections((_, count) => resolve(count)))
  }

  /** Takes no more connections and waits until those under way have ended, or for so long. */
  async close(graceMs = 0): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    this.server.closeIdleConnections()
    const idle = setInterval(() => this.server.closeIdleConnections(), 50)
    const timer = setTimeout(() => this.server.closeAllConnections(), graceMs)
    await closed
    clearInterval(idle)
    clearTimeout(timer)
  }

  private async handle(
    request: IncomingMessage,
    response: ServerResponse,
    isAwaited = false,
  ): Promise<void> {
    // Requests of one connection one after another: nobody would hear that the client of one whose answer
    // has to wait for that of another is gone.
    if (response.socket === null) await new Promise((resolve) => response.once('socket', resolve))
    if (isAwaited) response.writeContinue()
    try {
      const path = pathOf(request.url ?? '')
      const isAllowed = allowOrigin(request, response, this.origins())
      // Of an answer to HEAD the server sends the headers alone.
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const handler = this.routes.get(`${method} ${path}`)
      if (handler === undefined) {
        const methods = this.methods.get(path)
        if (methods === undefined) throw new ApiError(404, 'no such path')
        if (isAllowed && isPreflight(request)) {
          answerPreflight(request, response, methods)
          return
        }
        response.setHeader('allow', methods)
        throw new ApiError(405, `this path takes ${methods} alone`)
      }
      await handler(request, response)
    } catch (error) {
      if (!(error instanceof ApiError)) this.onFault(error)
      sendError(response, error instanceof ApiError ? error : new ApiError(500, 'internal error'))
    }
  }
}

/** The path of a request target, which may be a whole URL. */
function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '')
  return path.split('?', 1)[0]!
}

function methodsByPath(routes: readonly string[]): Map<string, string> {
  const methods = new Map<string, string>()
  for (const route of routes) {
    const [method, path] = route.split(' ') as [string, string]
    const own = method === 'GET' ? 'GET, HEAD' : method
    methods.set(path, [methods.get(path), own].filter(Boolean).join(', '))
  }
  return methods
}

/** Bytes that a body will have, as far as the client says. */
function announcedBytes({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0)
}

/** Answers what is no HTTP, or comes too slowly. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

/** Answers with an error; nothing happens when an answer is under way. */
export function sendError(response: ServerResponse, error: ApiError): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status } = error
  // What is left of a body is not worth its way.
  const isCutShort = status === 413 || status === 408 || (status === 503 && !response.req.complete)
  if (isCutShort) response.setHeader('connection', 'close')
  if (status === 503) response.setHeader('retry-after', '1')
  sendJson(response, error.body, error.status)
}

/** Answers with JSON text. */
export function sendJson(response: ServerResponse, json: string, status = 200): void {
  const body = Buffer.from(json)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

/**
 * The body of a request.
 *
 * @param take - asks whether there is room for so many bytes more
 * @throws ApiError 413 when it is too large, 503 when there is no room, 400 when the client goes away or
 * packs it
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  take: (bytes: number) => boolean = () => true,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') {
      reject(new ApiError(415, 'content-encoding: expected none'))
      return
    }
    const refuse = (error: ApiError): void => {
      request.removeAllListeners('data')
      request.resume()
      reject(error)
    }
    const tooLarge = (): void =>
      refuse(new ApiError(413, `body: expected at most ${maxBytes} bytes, got more`))
    if (announcedBytes(request) > maxBytes) {
      tooLarge()
      return
    }
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) tooLarge()
      else if (take(chunk.length)) chunks.push(chunk)
      else refuse(new ApiError(503, 'too many bytes of requests under way'))
    })
    request.on('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)),
    )
    request.on('error', () => reject(new ApiError(400, 'the client closed the connection')))
    request.on('close', () => {
      if (!request.complete) reject(new ApiError(400, 'the client closed the connection'))
    })
  })
}
