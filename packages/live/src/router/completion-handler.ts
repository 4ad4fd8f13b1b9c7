import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, sendError, sendJson } from '../http/http-server.js'
import { memberOf, withMembers } from '../json/json-members.js'
import { ApiError } from '../openai/api-error.js'
import {
  type CompletionRequest,
  type Endpoint,
  parseCompletionRequest,
} from '../openai/completion-request.js'
import { type AnswerUsage, UNTOLD, usageOfPair, usageTold } from './answer-usage.js'
import type { LiveBackend } from './live-backend.js'
import { promptHashes, promptTokensOf } from './live-request.js'
import type { RequestEnd } from './request-ends.js'
import type { Route } from './route.js'
import type { RouterConfig } from './router-config.js'
import type { RouterCore } from './router-core.js'
import type { RouterLogEntry } from './router-log-entry.js'
import type { RouterStats } from './router-stats.js'
import type { Ticket } from './ticket.js'
import type { RecordedEnd, TrafficRecorder } from './traffic-recorder.js'
import { type ExchangeEnd, FULL, isWorkerFault, type Upstream } from './upstream.js'

/** What a {@link CompletionHandler} works with. */
export interface CompletionContext {
  readonly core: RouterCore
  readonly stats: RouterStats
  readonly config: () => RouterConfig
  readonly upstreamOf: (backend: LiveBackend) => Upstream
  readonly recorder: TrafficRecorder | undefined
  /** Whether clients' own credentials go on to workers. */
  readonly passesCredentials: boolean
  readonly log: (entry: RouterLogEntry) => void
}

/** Headers of a client that workers get to see. */
const PASSED = ['accept', 'user-agent', 'x-request-id', 'traceparent', 'tracestate'] as const

const PATHS: Readonly<Record<Endpoint, string>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
}

/** What is asked of a prefill worker in place of what the client asks for, as JSON: the prompt alone. */
const PREFILL_ALONE = {
  stream: 'false',
  stream_options: undefined,
  min_tokens: undefined,
  max_tokens: '1',
  kv_transfer_params: '{"do_remote_decode":true,"do_remote_prefill":false}',
} as const

/** Takes one request from its first byte to its end: reads it, has it routed, and passes the answer on. */
export class CompletionHandler {
  private readonly context: CompletionContext

  constructor(context: CompletionContext) {
    this.context = context
  }

  async handle(
    endpoint: Endpoint,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { stats, config } = this.context
    stats.begin()
    let end: RequestEnd = 'failed'
    let held = 0
    const take = (bytes: number): boolean => {
      if (stats.bodyBytes + bytes > config().max_buffered_bytes) return false
      stats.bodyBytes += bytes
      held += bytes
      return true
    }
    try {
      end = await this.serve(endpoint, request, response, take)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      end = error.status < 500 ? 'client_error' : 'rejected'
      if (request.destroyed && !request.complete) end = 'cancelled'
      sendError(response, error)
    } finally {
      stats.bodyBytes -= held
      stats.end(end)
    }
  }

  private async serve(
    endpoint: Endpoint,
    request: IncomingMessage,
    response: ServerResponse,
    take: (bytes: number) => boolean,
  ): Promise<RequestEnd> {
    const { core, stats } = this.context
    const config = this.context.config()
    const startMs = core.now()
    if (stats.inFlight > config.max_in_flight)
      throw new ApiError(503, 'too many requests under way')
    const body = await readBody(request, config.max_body_bytes, take)
    const readMs = core.now()
    const parsed = parseCompletionRequest(endpoint, body.toString('utf8'), config.media_tokens)
    const header = (name: string): string | undefined => {
      const value = request.headers[name]
      return typeof value === 'string' && value !== '' ? value : undefined
    }
    const { model, adapter, apart } = core.named(parsed.model)
    const ticket = core.begin(
      {
        promptTokens: promptTokensOf(parsed),
        maxTokens: parsed.maxTokens ?? 0,
        session: header('x-session-id') ?? header('x-dynamo-session-id'),
        user: parsed.user,
        tenant: header('x-tenant-id'),
        model,
        adapter,
        priority: parsed.priority,
        isStreamed: parsed.stream,
      },
      promptHashes(parsed.tokens, config.block_tokens, {
        adapter: apart,
        cacheSalt: parsed.cacheSalt,
      }),
    )
    // A timer of its own: those of AbortSignal.timeout outlive the request.
    const { signal, timer } = deadlineIn(config.request_timeout_ms)
    const job = new RoutedRequest(this.context, parsed, body, request, response, ticket, signal)
    try {
      return await job.run(startMs, readMs)
    } finally {
      clearTimeout(timer)
      core.end(ticket)
    }
  }
}

function deadlineIn(ms: number): { signal: AbortSignal; timer: NodeJS.Timeout } {
  const controller = new AbortController()
  return { signal: controller.signal, timer: setTimeout(() => controller.abort(), ms) }
}

/** An exchange that a worker failed. */
type Failure = Extract<ExchangeEnd, { kind: 'failed' | 'broken' }>

/** One request that has been read, and its attempts. */
class RoutedRequest {
  private readonly context: CompletionContext
  private readonly parsed: CompletionRequest
  private readonly body: Buffer
  private readonly request: IncomingMessage
  private readonly response: ServerResponse
  private readonly ticket: Ticket
  private readonly deadline: AbortSignal
  /** How long its algorithm has held it, in ms. */
  private heldMs = 0

  constructor(
    context: CompletionContext,
    parsed: CompletionRequest,
    body: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
    ticket: Ticket,
    deadline: AbortSignal,
  ) {
    this.context = context
    this.parsed = parsed
    this.body = body
    this.request = request
    this.response = response
    this.ticket = ticket
    this.deadline = deadline
  }

  /** Tries workers until one answers. @param readMs - when it had been read */
  async run(startMs: number, readMs: number): Promise<RequestEnd> {
    const { core, stats } = this.context
    const { ticket } = this
    const { max_attempts } = this.context.config()
    let last: Failure | undefined
    for (;;) {
      const route = await this.decide()
      if (route === 'gone') return 'cancelled'
      if (route === 'deadline') {
        sendError(this.response, new ApiError(504, 'the request took too long'))
        return 'timed_out'
      }
      if (route.kind === 'reject') return this.refuse(route.reason, last)
      if (ticket.attempt === 1) stats.sentOn(core.now() - readMs - this.heldMs)
      else stats.retries++
      const { prefill, decode } = route
      const end = await this.attempt(prefill, decode)
      const at = ticket.at ?? decode
      if (end.kind === 'sent') return this.sent(at, end, startMs)
      if (end.kind === 'cancelled') {
        at.breaker.abandoned()
        return this.cutShort('cancelled')
      }
      if (end.reason === 'deadline') {
        at.breaker.abandoned()
        if (end.kind === 'failed')
          sendError(this.response, new ApiError(504, 'the request took too long'))
        return this.cutShort('timed_out')
      }
      this.failed(at, end)
      if (end.kind === 'broken') return this.cutShort('broken')
      last = end
      ticket.tried.add(at)
      core.left(ticket)
      if (ticket.attempt >= max_attempts) return this.refuse('all attempts failed', last)
    }
  }

  /** Asks for a decision, and waits for it when the router holds the request. */
  private async decide(): Promise<Exclude<Route, { kind: 'hold' }> | 'gone' | 'deadline'> {
    const { core, stats } = this.context
    const { ticket, deadline, response } = this
    const decidedMs = core.now()
    let route = core.route(ticket)
    stats.decided(core.now() - decidedMs)
    if (route.kind !== 'hold') return route
    const heldFromMs = core.now()
    const closed = new AbortController()
    const onClose = (): void => closed.abort()
    response.on('close', onClose)
    const gone = AbortSignal.any([closed.signal, deadline])
    while (route.kind === 'hold') {
      const release = await core.held.wait(ticket.request.id, route.untilMs - core.now(), gone)
      if (release === 'gone') {
        response.off('close', onClose)
        core.abandoned(ticket)
        return deadline.aborted ? 'deadline' : 'gone'
      }
      route = release === 'ask_again' ? core.route(ticket) : core.release(ticket, release)
    }
    response.off('close', onClose)
    const heldMs = core.now() - heldFromMs
    stats.released(heldMs)
    this.heldMs += heldMs
    return route
  }

  private async attempt(prefill: LiveBackend, decode: LiveBackend): Promise<ExchangeEnd> {
    if (prefill === decode) return this.forward(decode, this.body)
    const handed = await this.prefill(prefill)
    if ('kind' in handed) {
      if (handed.kind !== 'refused') return handed
      const { status, text } = handed
      sendJson(this.response, text, status)
      return { kind: 'sent', status, usage: UNTOLD }
    }
    const { core } = this.context
    core.firstToken(this.ticket)
    prefill.breaker.succeeded()
    core.handOver(this.ticket, decode)
    const body = withMembers(this.body, { kv_transfer_params: handed.kvTransfer })
    const end = await this.forward(decode, body)
    return end.kind === 'sent' ? { ...end, usage: usageOfPair(handed.usage, end.usage) } : end
  }

  /** Has a prompt computed on a prefill worker. @returns where its KV cache is and what it cost, or how it failed */
  private async prefill(
    prefill: LiveBackend,
  ): Promise<
    | { kvTransfer: Buffer | undefined; usage: AnswerUsage }
    | { kind: 'refused'; status: number; text: string }
    | Extract<ExchangeEnd, { kind: 'failed' | 'cancelled' }>
  > {
    const asked = withMembers(this.body, {
      ...PREFILL_ALONE,
      ...('max_completion_tokens' in this.parsed.body ? { max_completion_tokens: '1' } : {}),
    })
    const gone = new AbortController()
    const onClose = (): void => gone.abort()
    this.response.on('close', onClose)
    try {
      const { status, text, retryAfter } = await this.context
        .upstreamOf(prefill)
        .ask(
          'POST',
          PATHS[this.parsed.endpoint],
          AbortSignal.any([gone.signal, this.deadline]),
          this.headers(),
          asked,
        )
      if (status === FULL || isWorkerFault(status)) {
        const headers = ['content-type', 'application/json']
        if (retryAfter !== undefined) headers.push('retry-after', retryAfter)
        const refusal = { status, headers, body: Buffer.from(text) }
        return { kind: 'failed', reason: status === FULL ? 'full' : 'status', status, refusal }
      }
      if (status >= 400) return { kind: 'refused', status, text }
      if (status !== 200) return { kind: 'failed', reason: 'status', status }
      // What is no JSON would spoil the body that it goes into.
      const usage = usageTold(JSON.parse(text)?.usage)
      return { kvTransfer: memberOf(Buffer.from(text), 'kv_transfer_params'), usage }
    } catch {
      if (gone.signal.aborted) return { kind: 'cancelled' }
      return { kind: 'failed', reason: this.deadline.aborted ? 'deadline' : 'reset' }
    } finally {
      this.response.off('close', onClose)
    }
  }

  private forward(backend: LiveBackend, body: Buffer): Promise<ExchangeEnd> {
    const { core, upstreamOf } = this.context
    if (this.response.destroyed) return Promise.resolve({ kind: 'cancelled' })
    return upstreamOf(backend).forward(
      PATHS[this.parsed.endpoint],
      this.headers(),
      body,
      this.parsed.stream,
      this.response,
      this.deadline,
      { 'x-routesim-worker': String(backend.id) },
      {
        begun: () => core.firstToken(this.ticket),
        came: (tokens) => core.progress.came(this.ticket, tokens),
      },
    )
  }

  private headers(): Record<string, string> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    for (const name of PASSED) {
      const value = this.request.headers[name]
      if (typeof value === 'string') headers[name] = value
    }
    const { authorization } = this.request.headers
    if (this.context.passesCredentials && authorization !== undefined) {
      headers['authorization'] = authorization
    }
    return headers
  }

  private sent(at: LiveBackend, end: ExchangeEnd & { kind: 'sent' }, startMs: number): RequestEnd {
    const { core, stats, recorder } = this.context
    // What it does not implement says nothing of how it is.
    if (end.status >= 500) at.breaker.abandoned()
    else at.breaker.succeeded()
    stats.duration.add((core.now() - startMs) / 1000)
    if (end.status >= 500) return 'failed'
    if (end.status >= 400) return 'client_error'
    recorder?.add(this.ticket.request, end.usage, core.now(), 'completed')
    core.left(this.ticket, { completed: true, ...end.usage })
    return 'completed'
  }

  /** It cost the worker its prompt, and what had come of the answer. */
  private cutShort(end: Exclude<RecordedEnd, 'completed'>): RequestEnd {
    const { core, recorder } = this.context
    const { request } = this.ticket
    const usage = { ...UNTOLD, outputTokens: core.progress.of(request.id) }
    recorder?.add(request, usage, core.now(), end)
    return end
  }

  private failed(at: LiveBackend, failure: Failure): void {
    const { core, log } = this.context
    const { reason } = failure
    const worker = at.id
    const status = statusToldIn(failure)
    at.failed(reason, status)
    log({ event: 'worker_failed', worker, url: at.url, reason, status })
    // One that is full works.
    if (reason === 'full') at.breaker.abandoned()
    else if (at.breaker.failed(core.now())) log({ event: 'breaker_opened', worker, url: at.url })
    core.refresh(at)
  }

  private refuse(reason: string, last: Failure | undefined): RequestEnd {
    if (this.response.destroyed) return 'cancelled'
    const { core } = this.context
    const refusal = last?.kind === 'failed' ? last.refusal : undefined
    if (refusal !== undefined && (refusal.status === FULL || refusal.body.length > 0)) {
      const { status, headers, body } = refusal
      this.response.writeHead(status, [...headers, 'content-length', String(body.length)])
      this.response.end(body)
      return status === FULL ? 'rejected' : 'failed'
    }
    if (last !== undefined) {
      const status = last.reason === 'timeout' ? 504 : 502
      const why = [last.reason, statusToldIn(last)].filter((part) => part !== undefined).join(' ')
      sendError(this.response, new ApiError(status, `no worker answered (${why})`))
      return 'failed'
    }
    const { servedName: name } = this.ticket.request
    if (name !== undefined && !core.backends.some((backend) => backend.serves(name))) {
      sendError(this.response, new ApiError(404, 'model: no worker serves it', undefined, 'model'))
      return 'client_error'
    }
    sendError(this.response, new ApiError(503, `no worker can take the request (${reason})`))
    return 'rejected'
  }
}

/** The status that a failure is about; the reason says all of the others. */
function statusToldIn(failure: Failure): number | undefined {
  return failure.reason === 'status' && failure.kind === 'failed' ? failure.status : undefined
}
